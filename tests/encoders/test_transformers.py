"""st: and hf: on small real models built here, and on MiniLM's folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from evenshelf.encoders import open_encoder
from evenshelf.encoders.weights import minilm_folder
from evenshelf.errors import InputError, MissingExtraError, SettingError

from .conftest import CHINESE, ENGLISH, HARD

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(minilm_folder()).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder = tmp_path_factory.mktemp("gpt")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*ENGLISH, *CHINESE], trainer)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4, n_positions=48)
    transformers.GPT2Model(config).save_pretrained(folder)
    return str(folder)


def states(folder: str, text: str, limit: int) -> np.ndarray:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=limit)).last_hidden_state[0]


@pytest.mark.parametrize(
    ("kind", "pool", "pick"),
    [
        ("bert", "", lambda s: s.mean(0)),
        ("bert", "?pool=cls", lambda s: s[0]),
        ("bert", "?pool=last", lambda s: s[-1]),
        ("gpt", "", lambda s: s[-1]),
        ("gpt", "?pool=mean", lambda s: s.mean(0)),
        ("gpt", "?pool=cls", lambda s: s[0]),
    ],
)
def test_a_padded_batch_gives_what_each_text_gives_alone(request: pytest.FixtureRequest, kind, pool, pick) -> None:
    folder, limit = request.getfixturevalue(kind), {"bert": 64, "gpt": 48}[kind]
    encoder = open_encoder(f"hf:{folder}{pool}")
    texts = [*ENGLISH, *CHINESE, "shoe " * 100]
    for text, vector in zip(texts, encoder.encode(texts), strict=True):
        expected = pick(states(folder, text, limit)).numpy()
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_default_pooling_goes_by_architecture_and_is_said(bert: str, gpt: str) -> None:
    for folder, pool, said in ((bert, "mean", "both ways"), (gpt, "last", "left to right")):
        encoder = open_encoder(f"hf:{folder}")
        assert encoder.pool == pool
        assert said in encoder.reason
    prints = {open_encoder(f"hf:{bert}{q}").fingerprint for q in ("", "?pool=mean", "?pool=cls")}
    assert len(prints) == 2


def test_hard_texts(bert: str, gpt: str) -> None:
    for folder in (bert, gpt):
        done: list[int] = []
        vectors = open_encoder(f"hf:{folder}").encode([*HARD, *ENGLISH * 20], progress=done.append)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert sum(done) == len(vectors)


def test_sentence_transformers_from_a_folder_equals_minilm() -> None:
    pytest.importorskip("sentence_transformers")
    encoder = open_encoder(f"st:{minilm_folder()}")
    texts = [*ENGLISH, *CHINESE, *HARD[:5], *ENGLISH[:2]]
    np.testing.assert_allclose(encoder.encode(texts), open_encoder("minilm").encode(texts), atol=1e-5)
    assert encoder.dimension == 384
    assert open_encoder(f"st:{minilm_folder()}").fingerprint == encoder.fingerprint


@pytest.mark.parametrize("kind", ["st", "hf"])
def test_an_unknown_name_is_one_clear_error(kind: str, tmp_path: Path) -> None:
    for name in ("no-such/model-of-ours", str(tmp_path), str(tmp_path / "absent")):
        with pytest.raises(InputError, match="cannot be opened") as caught:
            open_encoder(f"{kind}:{name}")
        assert name in caught.value.message


def test_wrong_settings_are_named() -> None:
    with pytest.raises(SettingError, match="no pooling 'max'"):
        open_encoder("hf:some/model?pool=max")
    with pytest.raises(SettingError, match="unknown setting 'layer'"):
        open_encoder("hf:some/model?layer=3")
    with pytest.raises(InputError, match="lacks the name"):
        open_encoder("hf:?pool=cls")


@pytest.mark.parametrize(("kind", "package"), [("st", "sentence_transformers"), ("hf", "torch")])
def test_absent_packages_are_named(monkeypatch: pytest.MonkeyPatch, kind: str, package: str) -> None:
    module = {"st": "sentence_transformers", "hf": "huggingface"}[kind]
    monkeypatch.setattr(
        f"evenshelf.encoders.{module}.find_spec",
        lambda name: None if name == package else importlib.util.find_spec(name),
    )
    with pytest.raises(MissingExtraError, match=r"evenshelf\[train\]"):
        open_encoder(f"{kind}:anything")


@pytest.mark.parametrize(("kind", "spec"), [("bert", "hf:{}"), ("bert", "hf:{}?pool=cls"), ("gpt", "hf:{}")])
def test_torch_gives_the_same_vectors_and_says_where_tokens_stand(request: pytest.FixtureRequest, kind, spec) -> None:
    encoder = open_encoder(spec.format(request.getfixturevalue(kind)))
    check_torch_text(encoder)


def test_minilm_is_the_same_by_torch() -> None:
    check_torch_text(open_encoder("minilm"))
    check_torch_text(open_encoder(f"st:{minilm_folder()}"))
    assert open_encoder("tfidf", ENGLISH).torch_text() is None


def test_what_a_model_is_told_before_each_text_is_not_of_the_text() -> None:
    encoder = open_encoder(f"st:{minilm_folder()}")
    encoder._model.prompts, encoder._model.default_prompt_name = {"ask": "query: "}, "ask"
    tokens = encoder.torch_text().tokens("red shoe")
    assert ["red shoe"[t.start : t.stop] for t in tokens if not t.special] == ["red", "shoe"]
    assert sum(t.special for t in tokens) == 4
    check_torch_text(encoder)


def check_torch_text(encoder) -> None:
    found = encoder.torch_text()
    for text in ("Nike red shoe", "blue shoe 12"):
        tokens = found.tokens(text)
        numbers = torch.tensor([[token.number for token in tokens]])
        with torch.no_grad():
            (vector,) = found.vectors(numbers).numpy()
            assert found.embedding(numbers).shape[:2] == numbers.shape
        np.testing.assert_allclose(vector / np.linalg.norm(vector), encoder.encode([text])[0], atol=1e-5)
        said = "".join(text[token.start : token.stop] for token in tokens if not token.special)
        assert said.replace(" ", "") == text.replace(" ", "")
