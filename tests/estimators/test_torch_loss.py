"""The loss of a remedy in torch: the same as torch's own where that has one, and the same for parts of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import evenshelf
from evenshelf.errors import InputError, SettingError
from evenshelf.estimators import RemedyLoss
from evenshelf.remedies import Stage, catalogue, parse

COUNTS = np.array([50, 20, 5, 2])


def batch(seed=0, rows=24, dtype=torch.float32):
    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(size=(rows, len(COUNTS))), dtype=dtype, requires_grad=True)
    return logits, torch.tensor(rng.integers(len(COUNTS), size=rows))


def slope(loss, logits, labels, **more):
    value = loss(logits, labels, **more)
    (found,) = torch.autograd.grad(value, logits)
    return value.item(), found


def losses():
    usable = {Stage.WEIGHT, Stage.LOSS, Stage.ADJUST}
    for remedy in catalogue().values():
        one = remedy()
        if set(one.stages) <= usable and not one.norms and not one.needs and not one.many_labels and one.stages:
            yield one.spec


@pytest.mark.parametrize("spec", ["none", "balanced", "effective_number"])
def test_weights_are_those_of_torch(spec):
    logits, labels = batch()
    loss = RemedyLoss(spec, COUNTS)
    theirs = torch.nn.CrossEntropyLoss(weight=torch.from_numpy(loss.weights))
    ours, expected = slope(loss, logits, labels), slope(theirs, logits, labels)
    assert ours[0] == pytest.approx(expected[0], rel=1e-5)
    torch.testing.assert_close(ours[1], expected[1], atol=1e-6, rtol=1e-5)


def test_the_offset_of_balanced_softmax_is_torchs_on_moved_scores():
    logits, labels = batch()
    spec = "balanced_softmax"
    offset = torch.from_numpy(np.log(COUNTS / COUNTS.sum()).astype(np.float32))
    ours = slope(RemedyLoss(spec, COUNTS), logits, labels)
    expected = slope(lambda s, y: torch.nn.functional.cross_entropy(s + offset, y), logits, labels)
    assert ours[0] == pytest.approx(expected[0], rel=1e-5)
    torch.testing.assert_close(ours[1], expected[1], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("spec", sorted(losses()))
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), cut=st.integers(1, 23))
def test_parts_of_a_batch_add_up_to_it(spec, seed, cut):
    """As when slopes are accumulated: by how many labels there are in all."""
    loss = RemedyLoss(spec, COUNTS)
    logits, labels = batch(seed)
    whole = slope(loss, logits, labels, num_items_in_batch=len(labels))
    first = slope(loss, logits, torch.where(torch.arange(24) < cut, labels, -100), num_items_in_batch=torch.tensor(24))
    rest = slope(loss, logits, torch.where(torch.arange(24) < cut, -100, labels), num_items_in_batch=24)
    assert first[0] + rest[0] == pytest.approx(whole[0], rel=1e-4, abs=1e-5)
    torch.testing.assert_close(first[1] + rest[1], whole[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("spec", sorted(losses()))
def test_slopes_are_those_of_the_value(spec):
    loss = RemedyLoss(spec, COUNTS)
    logits, labels = batch(1, rows=6)
    found = slope(loss, logits, labels)[1]
    step = 1e-2
    with torch.no_grad():
        for row, column in ((0, 0), (3, 2), (5, 3)):
            more, less = logits.clone(), logits.clone()
            more[row, column] += step
            less[row, column] -= step
            change = (loss(more, labels) - loss(less, labels)) / (2 * step)
            assert found[row, column].item() == pytest.approx(change.item(), abs=2e-3)


def test_half_precision_and_shapes_of_tokens():
    loss = RemedyLoss("focal", COUNTS)
    logits, labels = batch()
    exact, _ = slope(loss, logits, labels)
    half = logits.detach().to(torch.bfloat16).requires_grad_()
    value, found = slope(loss, half, labels)
    assert found.dtype == torch.bfloat16
    assert value == pytest.approx(exact, rel=2e-2)
    assert loss(logits.reshape(4, 6, -1), labels.reshape(4, 6)).item() == pytest.approx(exact, rel=1e-6)


def test_what_no_loss_can_do_is_refused():
    with pytest.raises(SettingError, match="resample"):
        RemedyLoss("smote", COUNTS)
    with pytest.raises(InputError, match="counts"):
        RemedyLoss("balanced", [1.5, 2.0])
    loss = RemedyLoss("balanced", COUNTS)
    logits, labels = batch()
    with pytest.raises(InputError, match="4 classes"):
        loss(logits[:, :3], labels)
    with pytest.raises(InputError, match="from 0 to 3"):
        loss(logits, labels + 1)


def test_adjusted_scores_are_those_of_the_remedy():
    logits, _ = batch()
    loss = RemedyLoss("logit_adjust(tau=0.5)", COUNTS)
    expected = parse("logit_adjust(tau=0.5)").adjust(logits.detach().numpy().copy(), loss.prior, np.ones(4, np.float32))
    np.testing.assert_allclose(loss.adjusted(logits).numpy(), expected, rtol=1e-6)


def test_a_trainer_of_hugging_face_takes_it(tmp_path):
    """A tiny BERT learns rare classes better with weights than without, by the trainer as it comes."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [80, 12, 4])
    ids = rng.integers(10, 40, size=(len(labels), 6))
    ids[:, 2] = np.where(rng.random(len(labels)) < 0.7, labels + 2, 2)  # the word of a rare class is not always there
    rows = [
        {"input_ids": row.tolist(), "attention_mask": [1] * 6, "labels": int(label)}
        for row, label in zip(ids, labels, strict=True)
    ]

    def recall(spec):
        torch.manual_seed(0)
        model = transformers.BertForSequenceClassification(config)
        arguments = transformers.TrainingArguments(
            str(tmp_path / "out"),
            num_train_epochs=12,
            per_device_train_batch_size=12,
            gradient_accumulation_steps=2,
            learning_rate=3e-3,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            logging_strategy="no",
            dataloader_pin_memory=False,
        )
        loss = evenshelf.RemedyLoss(spec, np.bincount(labels))
        transformers.Trainer(model, arguments, train_dataset=rows, compute_loss_func=loss).train()
        model.eval()
        with torch.no_grad():
            found = model(input_ids=torch.from_numpy(ids)).logits.argmax(1).numpy()
        return np.mean([(found[labels == k] == k).mean() for k in range(3)])

    assert recall("balanced") > recall("none")
