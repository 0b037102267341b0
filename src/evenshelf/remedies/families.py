"""Families of remedies: what those of one kind do, where they are strong and weak, when to use them, what they cost.

A remedy names its family itself (:attr:`evenshelf.remedies.base.Remedy.family`), so that a new one is in the right
place wherever families are compared. What is said of a family is what its papers say; a study puts its own numbers
beside each sentence, and where the two contradict each other the numbers count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """Remedies of one kind; the value is what it is called in the middle of a sentence."""

    BASELINE = "doing nothing"
    WEIGHTS = "class weights"
    OVER_SAMPLING = "over-sampling"
    UNDER_SAMPLING = "under-sampling and cleaning"
    INTERPOLATION = "interpolation"
    MIXING = "mixing"
    GENERATIVE = "generated rows"
    LONG_TAIL_LOSS = "long-tail losses"
    NOISE_ROBUST_LOSS = "noise-robust losses"
    ADJUSTMENT = "score adjustment"
    CALIBRATION = "calibration"
    POOLING = "pooled evidence"
    ENSEMBLE = "ensembles"
    CLICK_EVIDENCE = "clicks read otherwise"
    MADE_QUERIES = "made-up queries"
    TEXT_AUGMENTATION = "text augmentation"
    AUGMENTATION = "changed sequences"
    RERANKING = "re-ranking"

    @property
    def heading(self) -> str:
        """The name as a heading."""
        return f"{self.value[0].upper()}{self.value[1:]}"


OF_LISTS = frozenset({Family.CLICK_EVIDENCE, Family.MADE_QUERIES, Family.AUGMENTATION, Family.RERANKING})
"""Families that make sense only where lists are shown, and so in no study of labels."""


class Shown(StrEnum):
    """Which numbers of a study speak for or against a sentence on a family."""

    GAIN = "gain"
    """Change of the metric that decides."""
    TAIL = "tail"
    """Change of tail F1."""
    HEAD = "head"
    """Change of head F1."""
    CONFIDENCE = "confidence"
    """Calibration error before and after."""
    TUNING = "tuning"
    """How much of the gain at defaults is left after tuning."""
    COST = "cost"
    """CPU time beside that of doing nothing."""


@dataclass(frozen=True)
class Claim:
    """A sentence on a family, with the kind of number that a study can hold against it.

    Attributes
    ----------
    text
        One or two short sentences.
    shown
        The number that speaks of it.
    """

    text: str
    shown: Shown


@dataclass(frozen=True)
class Account:
    """What is known of a family before any study.

    Attributes
    ----------
    does
        What its remedies have in common.
    strength, weakness
        One each, the weightiest.
    when
        On which data it is the first to try.
    cost
        Beside doing nothing.
    source
        Where this is from.
    """

    does: str
    strength: Claim
    weakness: Claim
    when: str
    cost: Claim
    source: str


ACCOUNTS: Mapping[Family, Account] = {
    Family.WEIGHTS: Account(
        does="Counts a mistake on a rare class as more than one on a frequent class.",
        strength=Claim("Lifts rare classes without making or losing a row.", Shown.TAIL),
        weakness=Claim(
            "Where a model already fits every training row, weights change little; where classes overlap, frequent "
            "ones pay.",
            Shown.HEAD,
        ),
        when="Classes differ much in size and the rarest still have a few rows each: the first thing to try.",
        cost=Claim("Trains as long as doing nothing.", Shown.COST),
        source="King & Zeng, Political Analysis 9(2), 2001; Byrd & Lipton, ICML 2019",
    ),
    Family.OVER_SAMPLING: Account(
        does="Repeats rows of rare classes.",
        strength=Claim("Loses no row, so it suits few data; with a linear model it is near to weights.", Shown.TAIL),
        weakness=Claim("Copies tell nothing new: a class of one row stays a class of one row.", Shown.GAIN),
        when="Few rows in most classes, where nothing can be thrown away.",
        cost=Claim("More rows to train on, unless copies are merged into weights.", Shown.COST),
        source="Japkowicz & Stephen, Intelligent Data Analysis 6(5), 2002; "
        "Buda, Maki & Mazurowski, Neural Networks 106, 2018",
    ),
    Family.UNDER_SAMPLING: Account(
        does="Leaves out rows of frequent classes: at random, or those that lie among another class.",
        strength=Claim("Trains on less, and cleaning clears borders that overlap.", Shown.COST),
        weakness=Claim(
            "What is left out is lost. With many classes and a few rows in the rarest, little is left.", Shown.HEAD
        ),
        when="Very many rows in every class, so that losing most of them costs nothing.",
        cost=Claim("Cheaper to train; looking for neighbours to clean by is not.", Shown.COST),
        source="Kubat & Matwin, ICML 1997; Drummond & Holte, ICML workshop on learning from imbalanced datasets, 2003",
    ),
    Family.INTERPOLATION: Account(
        does="Makes rows of a rare class between rows of it that are near each other (SMOTE and its kin).",
        strength=Claim(
            "New rows instead of copies, where what lies between two rows of a class is of the class.", Shown.TAIL
        ),
        weakness=Claim(
            "In many dimensions neighbours are all nearly as far, and linear models gain little more than by copies; "
            "beside noise it makes more noise.",
            Shown.GAIN,
        ),
        when="Few rows in rare classes, numbers whose neighbours share the class, and labels that can be trusted.",
        cost=Claim("Neighbours are looked for in each fold, and there are more rows.", Shown.COST),
        source="Chawla et al., JAIR 16, 2002; Blagus & Lusa, BMC Bioinformatics 14, 2013",
    ),
    Family.MIXING: Account(
        does="Trains on blends of two rows, with their labels blended as well (Mixup and its kin).",
        strength=Claim("Makes a model less sure of itself between classes.", Shown.CONFIDENCE),
        weakness=Claim("A regulariser: beside a penalty that is tuned there is little left to gain.", Shown.TUNING),
        when="Models that learn their training rows by heart; with variants that favour rare classes if these are few.",
        cost=Claim("More rows, each of two classes.", Shown.COST),
        source="Zhang et al., ICLR 2018; Chou et al., ECCV Workshops 2020",
    ),
    Family.GENERATIVE: Account(
        does="Learns how rows of each class are spread, and draws new ones.",
        strength=Claim("Can make what lies between no two given rows.", Shown.TAIL),
        weakness=Claim("Needs many rows to learn from, which is what rare classes lack.", Shown.GAIN),
        when="Rare classes of some hundred rows, and frequent ones of a like shape to learn from.",
        cost=Claim("A generator is trained besides.", Shown.COST),
        source="Douzas & Bacao, Expert Systems with Applications 91, 2018; Xu et al., NeurIPS 2019",
    ),
    Family.LONG_TAIL_LOSS: Account(
        does="Changes what training minimises, by the size of classes or by how hard a row is.",
        strength=Claim(
            "Asks rare classes for a wider margin while the vectors' geometry is still being used.", Shown.TAIL
        ),
        weakness=Claim(
            "Made for deep networks; for linear models on fixed vectors several equal a weight or an adjustment.",
            Shown.GAIN,
        ),
        when="Many classes in a long tail, and a model that is trained long.",
        cost=Claim("Not convex for some, so slower to train.", Shown.COST),
        source="Cao et al., NeurIPS 2019; Zhang et al., IEEE TPAMI 45(9), 2023 (survey)",
    ),
    Family.NOISE_ROBUST_LOSS: Account(
        does="Bounds what a single row can add to the loss, so that a wrong label pulls less.",
        strength=Claim("Keeps wrong labels from bending the borders.", Shown.GAIN),
        weakness=Claim(
            "Rows that are hard because they are rare look like wrong labels, and are given up too.", Shown.TAIL
        ),
        when="More than a few per cent of the labels are wrong and cannot be looked at again.",
        cost=Claim("Not convex, so slower to train.", Shown.COST),
        source="Zhang & Sabuncu, NeurIPS 2018; Song et al., IEEE TNNLS 34(11), 2023 (survey)",
    ),
    Family.ADJUSTMENT: Account(
        does="Shifts or scales the scores of a trained model by the size of classes, or moves the threshold of each.",
        strength=Claim("Reaches what weights reach, after training, and can be changed at any time.", Shown.TAIL),
        weakness=Claim(
            "Probabilities no longer mean what they say, and the shift is only as good as the scores.", Shown.CONFIDENCE
        ),
        when="Many classes of very different sizes, and all errors count alike whatever the class.",
        cost=Claim("None in training.", Shown.COST),
        source="Menon et al., ICLR 2021; Kang et al., ICLR 2020",
    ),
    Family.CALIBRATION: Account(
        does="Maps scores to probabilities that hold, on rows that the model has not seen.",
        strength=Claim("Confidence can be trusted, so a person can be asked about the rest.", Shown.CONFIDENCE),
        weakness=Claim("Does little to which class is the likeliest.", Shown.GAIN),
        when="A decision rests on the probability and not on the class alone.",
        cost=Claim("One fold is set aside; fitting takes no time.", Shown.COST),
        source="Guo et al., ICML 2017; Zadrozny & Elkan, KDD 2002",
    ),
    Family.POOLING: Account(
        does="Lets rare classes borrow: from the meaning of their names, from class means, from neighbours.",
        strength=Claim(
            "The only family that adds knowledge: what is rare in the data need not be rare in the language.",
            Shown.TAIL,
        ),
        weakness=Claim("Names that mean little, or something else, pull a class off what its rows say.", Shown.HEAD),
        when="Classes of a handful of rows whose names say what they are, the more so if texts hold these names.",
        cost=Claim("Names are encoded once.", Shown.COST),
        source="Shi et al., ICML 2024; Snell, Swersky & Zemel, NeurIPS 2017",
    ),
    Family.ENSEMBLE: Account(
        does="Trains several models, each on a balanced part of the rows, and averages them.",
        strength=Claim("Under-samples without losing rows: what one model leaves out, another sees.", Shown.TAIL),
        weakness=Claim("Each part is as small as the rarest classes make it.", Shown.GAIN),
        when="A few rare classes beside very frequent ones, each with dozens of rows.",
        cost=Claim("As many trainings as models.", Shown.COST),
        source="Liu, Wu & Zhou, IEEE TSMC-B 39(2), 2009; Wallace et al., ICDM 2011",
    ),
    Family.CLICK_EVIDENCE: Account(
        does="Takes out of clicks what is due to the place of an item, or to its popularity.",
        strength=Claim("What stood low or is rare is no longer taken for what nobody wants.", Shown.TAIL),
        weakness=Claim("Few looks count for much, so what was hardly shown is estimated badly.", Shown.GAIN),
        when="A model learns from clicks on lists, and the lists were ordered by popularity. For search.",
        cost=Claim("A click model is fitted once.", Shown.COST),
        source="Joachims, Swaminathan & Schnabel, WSDM 2017; Yang et al., RecSys 2018",
    ),
    Family.MADE_QUERIES: Account(
        does="Trains on queries as well that nobody asked: words of titles, most of them of rare items.",
        strength=Claim("Items that nobody searched for have something to be found by.", Shown.TAIL),
        weakness=Claim("People ask in other words than titles use, and many items answer words of one.", Shown.GAIN),
        when="A model of texts is fitted, and few queries were judged or clicked on. For search.",
        cost=Claim("Each made query is searched for once, and there is more to train on.", Shown.COST),
        source="Nogueira et al., arXiv 1904.08375, 2019; Bonifacio et al., SIGIR 2022",
    ),
    Family.TEXT_AUGMENTATION: Account(
        does="Trains on texts as well that were made out of those of rare classes: other words, a translation there "
        "and back, what a language model writes.",
        strength=Claim("Shows rare classes in other words than the few that their texts have.", Shown.TAIL),
        weakness=Claim(
            "A pretrained model knows other words already, and most of a gain is often that of as many copies; a text "
            "that came out as one of another class teaches an error.",
            Shown.GAIN,
        ),
        when="A handful of short texts in each rare class, and a model that reads words rather than their meaning.",
        cost=Claim("Texts are made and encoded once, and there are more rows to train on.", Shown.COST),
        source="Wei & Zou, EMNLP 2019; Longpre, Wang & DuBois, Findings of EMNLP 2020; "
        "Bayer, Kaufhold & Reuter, ACM CSUR 55(7), 2022",
    ),
    Family.AUGMENTATION: Account(
        does="Trains on changed copies of sequences as well: cut, masked, shuffled, with items replaced.",
        strength=Claim("Short histories give more to learn from; replaced items bring rare ones in.", Shown.TAIL),
        weakness=Claim("A changed sequence is one that nobody has made; where order matters, it misleads.", Shown.GAIN),
        when="Histories of a few steps each, and a model that learns them by heart. Not for labels.",
        cost=Claim("More sequences to train on.", Shown.COST),
        source="Xie et al., ICDE 2022; Liu et al., arXiv 2108.06479, 2021",
    ),
    Family.RERANKING: Account(
        does="Fills a list place by place from the best candidates, and looks at what is in it already.",
        strength=Claim(
            "Says what a whole list should be, which no score of a single item can: varied, or to the user's taste.",
            Shown.TAIL,
        ),
        weakness=Claim(
            "Moves up only what is among the candidates, and pays with what would have been found.", Shown.GAIN
        ),
        when="Lists are shown, and not one answer; not for labels.",
        cost=Claim("None in training; some time for each list.", Shown.COST),
        source="Carbonell & Goldstein, SIGIR 1998; Steck, RecSys 2018; Abdollahpouri, Burke & Mobasher, FLAIRS 2019",
    ),
}
"""Of every family but the baseline."""
