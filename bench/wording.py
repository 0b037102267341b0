"""Words and number formats of the tables, in English and Chinese."""

from __future__ import annotations

from typing import Any

LANGUAGES = ("en", "zh")

_TITLES = {
    "figures": ("Figures", "指标"),
    "remedies": ("Remedies, each tuned", "各种方法，均已调参"),
    "quality_fashion": (
        "fashion_styles (English titles): every remedy, tuned",
        "fashion_styles（英文标题）：全部方法，均已调参",
    ),
    "quality_zh": (
        "zh_product_titles (Chinese titles, thinned to an exponential tail): every remedy, tuned",
        "zh_product_titles（中文标题，抽稀成指数尾部）：全部方法，均已调参",
    ),
    "quality_simulated": ("A simulated shop: some remedies, tuned", "模拟店铺：部分方法，均已调参"),
    "sets": (
        "Sets of labels, a head for each label: every remedy, tuned",
        "标签集合，每个标签一个分类头：全部方法，均已调参",
    ),
    "learners": ("Both learners, tuned", "两种学习器，均已调参"),
    "relevance": (
        "How well a product answers a query: every remedy, tuned, and macro-F1 by locale",
        "商品与查询的相关程度：全部方法，均已调参；各地区的 macro-F1",
    ),
    "relevance_vectors": (
        "What reads a pair of query and title, macro-F1 by locale",
        "查询与标题如何编码；各地区的 macro-F1",
    ),
    "vectors": ("Vectors", "向量"),
    "names": ("What the names are worth: the same with the names shuffled", "类目名的作用：把名字打乱再来一遍"),
    "prior_names": ("The same titles under other names", "同样的标题，换了类目名"),
    "prior_titles": (
        "The same names, titles with fewer and fewer of their words",
        "同样的类目名，标题里的类目词越来越少",
    ),
    "prior_worlds": ("In simulated worlds", "在各个模拟世界中"),
    "prior_unseen": ("Classes without one example in training", "训练集中一条样本也没有的类目"),
    "peer": ("The same remedies, fitted one after another", "同样的方法，逐个拟合"),
    "objectives": (
        "How near the optimum each side stops, and macro-F1 there",
        "双方停在离最优多远处，以及该处的 macro-F1",
    ),
    "encoding": ("Encoding", "编码"),
    "choosing": ("What labels are worth, by who chooses the rows", "标注哪些行：同样的标注数各值多少"),
    "more_labels": ("What more labels are worth, at random", "随机选行时更多标注的价值"),
    "doubting": ("Wrong labels found", "找出的错误标签"),
    "conformal_fashion": (
        "fashion_styles (English titles): sets on titles held out",
        "fashion_styles（英文标题）：留出标题上的预测集",
    ),
    "conformal_zh": (
        "zh_product_titles (Chinese titles, thinned to an exponential tail): sets on titles held out",
        "zh_product_titles（中文标题，抽稀成指数尾部）：留出标题上的预测集",
    ),
    "conformal_simulated": ("A simulated shop: sets on titles held out", "模拟店铺：留出标题上的预测集"),
    "recommenders": ("What comes next, leave-one-out over all items", "下一个会是什么：留一法，全部商品参与排序"),
    "worlds": ("The same study in each world", "同一研究在各个世界中"),
    "recommenders_published": ("As published, on the same file", "论文中公布的结果（同一数据）"),
    "scale": ("Neighbourhoods of a large log, by the memory given", "大规模日志的近邻模型，按给定内存"),
    "serving": ("One request after another, on one core", "单核上逐个请求"),
    "vector_stores": ("Nearest vectors, without a filter", "最近向量检索（不过滤）"),
    "vector_filters": ("Nearest vectors among those that pass a filter", "最近向量检索（带过滤）"),
    "world_sizes": ("By number of items, several shops of each size", "按商品数量，每种规模各模拟数家店铺"),
    "faithfulness": (
        "What a label loses without the words that are named as its reasons, one / two / three of them",
        "去掉被列为理由的词之后，标签概率的下降（依次一 / 二 / 三个词）",
    ),
    "finetune_label": (
        "Tuned language models beside the frozen one, titles with and without the words of labels",
        "微调后的语言模型与冻结模型对照（标题保留或去掉标签词）",
    ),
    "serving_cost": (
        "What is served: quality on titles held out, milliseconds a title, size",
        "上线模型：留出标题上的质量、每条标题的毫秒数与大小",
    ),
    "finetune_recommend": (
        "A language model tuned to what is taken together, beside the frozen one and words alone",
        "按共同购买微调的语言模型，与冻结模型及仅用词语对照",
    ),
    "search_quality": (
        "Search: how well the first ten answer, on judged queries",
        "搜索：前十个结果的质量（有人工判断的查询）",
    ),
    "search_study": (
        "Search: remedies on what ranks candidates, each tuned, in folds of queries",
        "搜索：各种方法用于候选排序，均已调参，按查询分折",
    ),
    "search_speed": (
        "Search: the index beside plain engines, queries that were not asked before",
        "搜索：本引擎与常见引擎，均为首次出现的查询",
    ),
    "serve_load": (
        "The service over HTTP, asked at times that do not wait for answers",
        "HTTP 服务，按预定时刻发出请求（不等待应答）",
    ),
    "ingest_sizes": ("Ingest by number of rows", "不同行数的导入"),
    "ingest_stages": ("Where the time of an ingest goes", "导入的时间花在哪里"),
    "ingest_refused": ("Rows refused", "被拒收的行"),
}

_HEADINGS = {
    "figure": ("figure", "指标"),
    "value": ("value", "值"),
    "unit": ("unit", "单位"),
    "better": ("better", "方向"),
    "peer": ("peer", "对照"),
    "peer_value": ("peer's", "对照的值"),
    "ratio": ("ratio", "倍数"),
    "remedy": ("remedy", "方法"),
    "reasons": ("words by", "词的排序依据"),
    "texts": ("titles", "标题数"),
    "comprehensiveness": ("comprehensiveness, 1 / 2 / 3 words", "完备性，1 / 2 / 3 个词"),
    "sufficiency": ("sufficiency, 1 / 2 / 3 words", "充分性，1 / 2 / 3 个词"),
    "comprehensiveness_beyond": ("two words, beyond random [95 %]", "两个词的完备性与随机之差 [95%]"),
    "sufficiency_beyond": ("sufficiency of two, beyond random [95 %]", "两个词的充分性与随机之差 [95%]"),
    "seconds_per_text": ("seconds per title", "每条标题用时（秒）"),
    "model": ("model", "模型"),
    "ranking": ("ranking", "排序方式"),
    "ndcg": ("NDCG@10 [95 %]", "NDCG@10 [95%]"),
    "judged_ndcg": ("judged items alone [95 %]", "仅已判断商品 [95%]"),
    "judged_share": ("of ten judged", "前十中已判断的比例"),
    "best_peer": ("best peer", "最佳对照"),
    "peer_ndcg": ("its NDCG@10 [95 %]", "其 NDCG@10 [95%]"),
    "over_best": ("over the best peer [95 %]", "比最佳对照高出 [95%]"),
    "engine": ("engine", "引擎"),
    "mode": ("asked for", "方式"),
    "asked": ("asked for", "请求"),
    "failed": ("failed", "失败"),
    "qps": ("queries/s, two threads", "每秒查询（双线程）"),
    "reads": ("reads", "所读内容"),
    "recall_difference": ("difference to the frozen one [95 %]", "与冻结模型之差 [95%]"),
    "recall_at_10": ("recall@10", "recall@10"),
    "ndcg_at_10": ("NDCG@10", "NDCG@10"),
    "descending_recall_at_10": ("recall@10, descending", "recall@10（降序用户）"),
    "descending_ndcg_at_10": ("NDCG@10, descending", "NDCG@10（降序用户）"),
    "macro_ndcg_at_10": ("macro NDCG@10", "宏平均 NDCG@10"),
    "tail_ndcg_at_10": ("tail NDCG@10", "尾部 NDCG@10"),
    "tail_suits": ("shown tail suits", "所示尾部商品的合意度"),
    "head_recall_at_10": ("head", "头部"),
    "torso_recall_at_10": ("torso", "腰部"),
    "tail50_recall_at_10": ("tail", "尾部"),
    "fit_seconds": ("seconds to fit", "拟合用时（秒）"),
    "directed": ("reads order", "读取顺序"),
    "model_mib": ("MiB", "MiB"),
    "source": ("source", "来源"),
    "family": ("family", "类别"),
    "encoder": ("vectors", "向量"),
    "head_ndcg": ("head queries [95 %]", "头部查询 [95%]"),
    "tail_ndcg": ("tail queries [95 %]", "尾部查询 [95%]"),
    "macro_f1": ("macro-F1", "macro-F1"),
    "tail_f1": ("tail F1", "尾部 F1"),
    "head_f1": ("head F1", "头部 F1"),
    "cpu_minutes": ("CPU minutes", "CPU 分钟"),
    "served": ("what is served", "上线的模型"),
    "same_label": ("same label as tuned", "与微调模型标签相同"),
    "ms_alone": ("ms, one title", "毫秒（单条）"),
    "ms_together": ("ms a title, 1,000 together", "毫秒（每条，1,000 条一起）"),
    "megabytes": ("MB", "MB"),
    "over_copies": ("over as many copies", "相对于同样数量的复制"),
    "ece": ("calibration error", "校准误差"),
    "tail_ece": ("on the tail", "尾部校准误差"),
    "tail_difference": ("tail F1, difference to none [95 %]", "尾部 F1 与 none 之差 [95%]"),
    "few_shot_f1": ("few-shot F1", "少样本 F1"),
    "learner": ("learner", "学习器"),
    "micro_f1": ("micro-F1", "micro-F1"),
    "map": ("mAP", "mAP"),
    "tail_map": ("tail mAP", "尾部 mAP"),
    "lrap": ("LRAP", "LRAP"),
    "known_size_f1": ("macro-F1, size known", "macro-F1（已知标签数）"),
    "known_size_tail_f1": ("tail F1, size known", "尾部 F1（已知标签数）"),
    "rarest_f1": ("F1, classes of ≤ 5", "F1（≤ 5 条的类目）"),
    "last_f1": ("F1, rarest class", "最少类目的 F1"),
    "accuracy": ("accuracy", "准确率"),
    "us": ("us", "us"),
    "es": ("es", "es"),
    "jp": ("jp", "jp"),
    "difference": ("difference to none [95 %]", "与 none 之差 [95%]"),
    "p_holm": ("p (Holm)", "p（Holm）"),
    "untuned": ("untuned macro-F1", "未调参 macro-F1"),
    "vanished": ("naive gain that vanished", "调参后消失的提升比例"),
    "names": ("names", "名字"),
    "data": ("data", "数据"),
    "titles": ("titles", "标题"),
    "changed": ("titles changed", "改动的标题"),
    "unseen_recall": ("recall on unseen classes [95 %]", "未见类目的召回率 [95%]"),
    "unseen_class_recall": ("mean over these classes", "按类目平均"),
    "seen_f1": ("macro-F1 of the others", "其余类目的 macro-F1"),
    "seen_difference": ("difference to none [95 %]", "与 none 之差 [95%]"),
    "taken": ("their titles given to unseen classes", "被判给未见类目的标题"),
    "ours": ("evenshelf", "evenshelf"),
    "theirs": ("peer", "对照"),
    "excess_ours": ("evenshelf above the lowest objective", "evenshelf 高出最低目标值"),
    "excess_peer": ("peer above it", "对照高出"),
    "excess_peer_tight": ("peer, fitted to the end", "对照收敛后高出"),
    "ours_tight": ("evenshelf, fitted to the end", "evenshelf 收敛后"),
    "theirs_tight": ("peer, to the end", "对照收敛后"),
    "gap": ("gap", "差"),
    "default_gap": ("gap at defaults", "默认值下的差"),
    "same_setting_gap": ("gap at evenshelf's settings", "同一设置下的差"),
    "peer_seconds": ("peer's seconds", "对照用时（秒）"),
    "penalty": ("penalty", "惩罚"),
    "who": ("who", "谁"),
    "world": ("world", "世界"),
    "items": ("items", "商品数"),
    "none": ("none", "none"),
    "gain": ("gain of name_prior [lowest, highest]", "name_prior 的提升 [最低, 最高]"),
    "gain_adjusted": (
        "of name_prior + logit_adjust [lowest, highest]",
        "name_prior + logit_adjust 的提升 [最低, 最高]",
    ),
    "recommended": ("recommended", "推荐"),
    "no_better": ("nothing beats guessing", "判定不优于盲猜"),
    "texts_per_second": ("texts / s", "每秒文本数"),
    "open_seconds": ("seconds to open", "打开用时（秒）"),
    "strategy": ("strategy", "选行方法"),
    "flips": ("wrong labels", "错误标签"),
    "listed": ("listed", "列出"),
    "precision": ("precision", "精确率"),
    "recall": ("recall", "召回率"),
    "peer_precision": ("peer's precision", "对照的精确率"),
    "peer_recall": ("peer's recall", "对照的召回率"),
    "alpha": ("alpha", "alpha"),
    "thresholds": ("thresholds", "阈值"),
    "covered": ("covered [95 %]", "覆盖率 [95%]"),
    "covered_tail": ("of the tail [95 %]", "尾部覆盖率 [95%]"),
    "covered_rare": ("of rare classes [95 %]", "稀有类目覆盖率 [95%]"),
    "more_tail": ("of the tail, difference to one threshold [95 %]", "尾部与单一阈值之差 [95%]"),
    "more_rare": ("of rare classes, difference to one threshold [95 %]", "稀有类目与单一阈值之差 [95%]"),
    "too_low": ("classes covered too little", "覆盖不足的类目"),
    "set_size": ("classes in a set [95 %]", "集合大小 [95%]"),
    "one_class": ("sets of one class", "单类目集合"),
    "rows": ("rows", "行数"),
    "seconds": ("seconds", "用时（秒）"),
    "range": ("range", "极差（秒）"),
    "rows_per_second": ("rows / s", "每秒行数"),
    "peak_mib": ("peak MiB", "内存峰值（MiB）"),
    "core_seconds": ("core seconds", "CPU 用时（秒）"),
    "memory_mib": ("MiB given", "给定内存（MiB）"),
    "beyond_mib": ("MiB beyond libraries", "除库以外（MiB）"),
    "events_per_second": ("events / s", "每秒事件数"),
    "runs": ("runs merged", "归并的有序段"),
    "spilled_mib": ("MiB spilled", "落盘（MiB）"),
    "requests_per_second": ("requests / s", "每秒请求数"),
    "p50_ms": ("p50 ms", "p50（毫秒）"),
    "p99_ms": ("p99 ms", "p99（毫秒）"),
    "clock_p99_ms": ("p99 ms by the clock", "p99（毫秒，实际等待）"),
    "store": ("store", "向量库"),
    "passing": ("passing", "通过过滤的比例"),
    "build_seconds": ("seconds to build", "构建用时（秒）"),
    "disk_mib": ("MiB on disk", "磁盘（MiB）"),
    "resident_mib": ("MiB in memory", "内存（MiB）"),
    "two_threads_qps": ("queries / s, two threads", "每秒查询数（双线程）"),
    "recall_at_50": ("recall@50", "recall@50"),
    "recall_at_200": ("recall@200", "recall@200"),
    "add_ms": ("ms to add one", "添加一条（毫秒）"),
    "stage": ("stage", "阶段"),
    "time_share": ("share", "占比"),
    "made_as": ("made as", "生成为"),
    "made": ("rows made", "生成行数"),
    "reason": ("refused as", "拒收原因"),
    "refused": ("rows refused", "拒收行数"),
}

_SENTENCES = {
    "data_fashion": ("fashion_styles (English titles)", "fashion_styles（英文标题）"),
    "data_zh": (
        "zh_product_titles (Chinese titles, categories thinned to an exponential tail)",
        "zh_product_titles（中文标题，类目抽稀成指数尾部）",
    ),
    "data_simulated": ("a simulated shop", "模拟店铺"),
    "about": (
        (
            "**{data}**: {rows} rows, {classes} classes, vectors by `{encoder}`, {folds} folds that keep near-equal "
            "titles together, {budget} settings tried by every remedy."
        ),
        (
            "**{data}**：{rows} 行，{classes} 个类目，向量来自 `{encoder}`，{folds} 折（相近标题不拆开），"
            "每种方法各试 {budget} 组设置。"
        ),
    ),
    "families": (
        (
            "Of each family of remedies the one with the best macro-F1, of {remedies} that were tuned alike; [all of "
            "them](docs/benchmarks.md)."
        ),
        "每类方法中 macro-F1 最高的一种，共 {remedies} 种，调参次数相同；[全部结果](docs/benchmarks.md)。",
    ),
    "names": (
        (
            "{data}: `name_prior` gains {gain} with the names as they are, {shuffled} with names shuffled among the "
            "classes, {codes} with codes for names. Of the titles of classes without a single example in training it "
            "finds {unseen}; the best remedy without names finds {nameless}."
        ),
        (
            "{data}：`name_prior` 用原名提升 {gain}，名字在类目间打乱后为 {shuffled}，名字换成编号后为 {codes}。"
            "训练集中一条样本也没有的类目，它能找回其中 {unseen} 的标题；不用名字的最好方法为 {nameless}。"
        ),
    ),
    "speed": (
        (
            "A study of {remedies} of them took {seconds} s; the same remedies one after another with "
            "imbalanced-learn, scikit-learn and torch take {peer} s, {ratio} times as long, with {memory} times the "
            "memory (they ran {peer_folds} of {folds} folds; the seconds are scaled up). On these folds macro-F1 "
            "differs by at most {gap} with the settings that each side chose, and by at most {exact} at equal settings "
            "among remedies that draw no random rows; fitted to the end, by at most {tight} at {tried} settings of one "
            "fold."
        ),
        (
            "对其中 {remedies} 种的研究用时 {seconds} 秒；"
            "同样的方法用 imbalanced-learn、scikit-learn 和 torch 逐个来做要 {peer} 秒，"
            "是它的 {ratio} 倍，内存是它的 {memory} 倍（对照只跑了 {folds} 折中的 {peer_folds} 折，用时按比例推算）。"
            "在这些折上，双方各用自己选中的设置时，macro-F1 最多相差 {gap}；"
            "设置相同且不抽取随机样本的方法最多相差 {exact}；在一折的 {tried} 组设置上双方都收敛后最多相差 {tight}。"
        ),
    ),
    "full": ("All {rows} rows take {seconds} s.", "全部 {rows} 行用时 {seconds} 秒。"),
    "encode": (
        (
            "Titles are encoded {encode_ratio} times as fast as with sentence-transformers and the same weights, "
            "{encode_ratio_int8} times with `minilm-int8`, {encode_ratio_fast} times with `fast`."
        ),
        (
            "标题编码速度是 sentence-transformers（同样权重）的 {encode_ratio} 倍，"
            "`minilm-int8` 是 {encode_ratio_int8} 倍，"
            "`fast` 是 {encode_ratio_fast} 倍。"
        ),
    ),
    "lists": (
        (
            "**Recommendation, Amazon Beauty**: {users} users, {items} items, all of them ranked; the last step of "
            "each user is the test. The tail is the rarer half of the items. Steps of one day stand in the order of "
            "the ids, which whoever reads the order of steps reads as well; the users whom that cannot help are told "
            "apart (descending). Of our learners those that are ahead of all peers; in italics: as published, by "
            "models that read the order. [All figures](docs/benchmarks.md)."
        ),
        (
            "**推荐，Amazon Beauty**：{users} 位用户，{items} 件商品，全部参与排序；每位用户的最后一步作为测试。"
            "尾部指较少见的那一半商品。同一天的记录按编号排列，读取先后顺序的模型也会读到这一点；"
            "不受其帮助的用户单独列出（降序用户）。本项目的学习器只列出领先全部对照的；"
            "斜体为论文中公布的结果，这些模型都读取先后顺序。"
            "[全部结果](docs/benchmarks.md)。"
        ),
    ),
    "each_run": ("{commit} ({run})", "{commit}（{run}）"),
    "run_label_quality": ("families", "各类方法"),
    "run_name_prior": ("names", "类目名"),
    "run_label_study": ("speed", "速度"),
    "run_label_study_full": ("all rows", "全部行"),
    "run_recommend_beauty": ("recommendation", "推荐"),
    "run_search_quality": ("search", "搜索"),
    "searches": (
        (
            "**Search**, as it comes, without a judgement seen, though what it is made of was decided by looking at "
            "these data sets: NDCG@10 with 95 % intervals beside the best of BM25, MiniLM, their rank fusion and their "
            "convex fusion, whose weight was chosen on other queries. [All figures](docs/benchmarks.md#search)."
        ),
        (
            "**搜索**，开箱即用，没有用任何人工判断来训练，不过排序的构成是看着这些数据定下来的：NDCG@10 及 95% 区间，"
            "对照为 BM25、MiniLM、两者的名次融合和凸组合（权重在其他查询上选定）中最好的一个。"
            "[全部结果](docs/benchmarks.md#search)。"
        ),
    ),
    "search_chorus": ("electronics, judged by people", "电子产品，人工判断"),
    "search_esci_us": ("Amazon, English", "亚马逊，英文"),
    "search_esci_es": ("Amazon, Spanish", "亚马逊，西班牙文"),
    "search_esci_jp": ("Amazon, Japanese", "亚马逊，日文"),
    "search_zh_categories": ("Chinese titles, categories", "中文标题，按类目"),
    "search_zh_instruct": ("Chinese queries and items", "中文查询与商品"),
    "measured": (
        "*Measured by `make bench` at {commits}, {cores} cores ({processor}); see `bench/results`.*",
        "*由 `make bench` 测得：提交 {commits}，{cores} 核（{processor}）；见 `bench/results`。*",
    ),
}

_FAMILIES = {
    "baseline": "基线",
    "doing nothing": "不做处理",
    "class weights": "类别权重",
    "over-sampling": "过采样",
    "under-sampling and cleaning": "欠采样与清洗",
    "interpolation": "插值",
    "mixing": "混合",
    "generated rows": "生成样本",
    "long-tail losses": "长尾损失",
    "noise-robust losses": "抗噪损失",
    "score adjustment": "分数调整",
    "calibration": "校准",
    "pooled evidence": "借用信息",
    "made-up queries": "人造查询",
    "clicks read otherwise": "点击去偏",
    "ensembles": "集成",
}
"""Families of remedies in Chinese."""

_SCORES = (
    "macro_f1",
    "tail_f1",
    "head_f1",
    "ece",
    "tail_ece",
    "few_shot_f1",
    "rarest_f1",
    "accuracy",
    "none",
    "untuned",
    "ours",
    "theirs",
    "ours_tight",
    "theirs_tight",
    "precision",
    "recall",
    "peer_precision",
    "peer_recall",
    "unseen_recall",
    "unseen_class_recall",
    "seen_f1",
    "micro_f1",
    "map",
    "tail_map",
    "lrap",
    "known_size_f1",
    "known_size_tail_f1",
    "covered",
    "covered_tail",
    "covered_rare",
    "ndcg",
    "peer_ndcg",
    "judged_ndcg",
    "head_ndcg",
    "tail_ndcg",
    "last_f1",
    "us",
    "es",
    "jp",
)
_BY_LABELS = {
    "at": ("{} labels", "{} 条标注"),
    "spread": ("spread over seeds at {}", "{} 条时各种子间的标准差"),
    "classes": ("classes found at {}", "{} 条时见到的类目"),
}
"""Columns whose names end in a number of labels."""
_SIGNED = (
    "difference",
    "tail_difference",
    "seen_difference",
    "recall_difference",
    "gain",
    "gain_adjusted",
    "gap",
    "same_setting_gap",
    "default_gap",
    "more_tail",
    "more_rare",
    "over_best",
    "comprehensiveness_beyond",
    "sufficiency_beyond",
)
_FIGURES = ("value", "peer_value", "ratio", "texts_per_second", "open_seconds", "peer_seconds", "seconds", "range")
_FIGURES += ("seconds_per_text",)
_FIGURES += ("rows_per_second", "peak_mib", "fit_seconds", "model_mib", "events_per_second", "beyond_mib")
_FIGURES += ("ms_alone", "ms_together", "megabytes")
_FIGURES += ("qps", "build_seconds", "disk_mib", "resident_mib", "two_threads_qps", "add_ms")
_FIGURES += ("spilled_mib", "requests_per_second", "p50_ms", "p99_ms", "clock_p99_ms", "core_seconds")
_RANKS = (
    "recall_at_50",
    "recall_at_200",
    "recall_at_10",
    "ndcg_at_10",
    "descending_recall_at_10",
    "descending_ndcg_at_10",
)
_RANKS += ("head_recall_at_10", "torso_recall_at_10", "tail50_recall_at_10")
_RANKS += ("macro_ndcg_at_10", "tail_ndcg_at_10", "tail_suits")
_COUNTS = ("rows", "items", "made", "refused", "texts")


def title(name: str, language: str) -> str:
    """Of a table."""
    return _TITLES[name][LANGUAGES.index(language)]


def sentence(name: str, language: str) -> str:
    """A sentence with places for values."""
    return _SENTENCES[name][LANGUAGES.index(language)]


def heading(column: str, language: str) -> str:
    """Of a column."""
    kind, _, labels = column.partition("_")
    if kind in _BY_LABELS and labels.isdigit():
        return _BY_LABELS[kind][LANGUAGES.index(language)].format(f"{int(labels):,}")
    return _HEADINGS[column][LANGUAGES.index(language)]


def cell(column: str, value: Any, language: str) -> str:
    """A value as a reader sees it; unknown is a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return {"en": ("no", "yes"), "zh": ("否", "是")}[language][value]
    if isinstance(value, (list, tuple)):
        middle, low, high = (cell(column, part, language) for part in value)
        return middle if value[1] is None else f"{middle} [{low}, {high}]"
    if column == "family" and language == "zh":
        return " + ".join(_FAMILIES[part] for part in value.split(" + "))
    if isinstance(value, str):
        return value
    if column in _RANKS:
        return _bare(f"{value:.4f}")
    if column in _SIGNED:
        return _bare(f"{value:+.3f}")
    if column in _SCORES or column.startswith(("at_", "spread_")):
        return _bare(f"{value:.3f}")
    if column == "p_holm":
        return "< .01" if value < 0.01 else _bare(f"{value:.2f}")
    if column in _COUNTS:
        return f"{value:,}"
    if column == "set_size":
        return f"{value:.2f}"
    if column == "vanished" and not 0 < value < 1:
        return {"en": ("none", "all"), "zh": ("没有", "全部")}[language][value >= 1]
    if column == "passing":
        return f"{value:.3g}"
    if column in ("same_label", "vanished", "time_share", "changed", "too_low", "one_class", "judged_share"):
        return f"{value:.0%}"
    if column == "taken":
        return f"{value:.1%}"
    if column.startswith("excess"):
        return f"{value:+.2%}"
    if column in _FIGURES:
        return figure(value)
    return f"{value:g}"


def figure(value: float) -> str:
    """Three digits that count, whole numbers beyond a hundred with commas."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _bare(number: str) -> str:
    """Without the zero before the point, as tables of scores are printed."""
    return number.replace("0.", ".", 1) if number.lstrip("+-").startswith("0.") else number
