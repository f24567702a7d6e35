"""The words of the tables, in English and in Japanese."""

HEAD = {
    "en": (
        *("problem", "contestant", "stops at", "dtype", "threads", "steps", "rank", "gap it reports", "gap found here"),
        *("error of L", "error of S", "seconds", "× kizu (least to most)", "memory MB"),
    ),
    "ja": (
        *(
            "問題",
            "手法",
            "停止条件",
            "型",
            "スレッド数",
            "反復",
            "ランク",
            "自己申告のギャップ",
            "本ベンチで検算したギャップ",
        ),
        *("L の誤差", "S の誤差", "秒", "kizu 比(最小〜最大)", "メモリ MB"),
    ),
}
FIGURES = {"en": ("figure", "target", "seen", ""), "ja": ("項目", "目標", "実測", "")}
VERDICT = {
    "en": {True: "met", False: "**not met**", None: ""},
    "ja": {True: "達成", False: "**未達**", None: ""},
}
STATUS = {
    "en": {"absent": "absent: {install}", "capped": "> {cap:.0f}", "failed": "failed"},
    "ja": {"absent": "未導入: {install}", "capped": "> {cap:.0f}", "failed": "失敗"},
}
MACHINE = {"en": "Measured on: {}.", "ja": "測定環境: {}。"}
PROBLEM = {"en": {True: "{}, σ = 5", False: "{}"}, "ja": {True: "{}、σ = 5", False: "{}"}}
STOPS = {"en": {"residual": "residual", "gap": "gap"}, "ja": {"residual": "残差", "gap": "ギャップ"}}
CONTESTANT = {
    "kizu fast": {"ja": "**kizu** 高速モード", "en": "**kizu** fast"},
    "kizu certified": {"ja": "**kizu** 証明つき", "en": "**kizu** certified"},
    "kizu stable": {"ja": "**kizu** 雑音つきモデル", "en": "**kizu** with noise"},
    "NumPy IALM": {"ja": "NumPy IALM(完全 SVD)", "en": "NumPy IALM, full SVD"},
    "randomized IALM": {"ja": "IALM(scikit-learn の乱択 SVD)", "en": "IALM, scikit-learn's randomized SVD"},
    "NumPy IALM, μ held at 30 μ₀": {"ja": "NumPy IALM(μ を 30 μ₀ に固定)", "en": "NumPy IALM, μ held at 30 μ₀"},
    "NumPy IALM, μ held at 100 μ₀": {"ja": "NumPy IALM(μ を 100 μ₀ に固定)", "en": "NumPy IALM, μ held at 100 μ₀"},
    "NumPy IALM, μ held at 300 μ₀": {"ja": "NumPy IALM(μ を 300 μ₀ に固定)", "en": "NumPy IALM, μ held at 300 μ₀"},
}
FIGURE_JA = {
    "P2 f64, fast / full SVD": "P2 float64、高速モード:完全 SVD の IALM・pyrpca との比",
    "P2 f32, fast / randomized": "P2 float32、高速モード:乱択 SVD の IALM との比",
    "P2s noisy uint8, stable / full SVD": "P2s 雑音あり uint8、ギャップ 1e-4:完全 SVD の IALM(残差 1e-7)との比",
    "P2s noisy f64, certified / best held μ": "P2s 雑音あり float64、同じ問題をギャップ 1e-4 まで:μ 固定の最速との比",
    "P1 1000, fast / full SVD": "P1 n=1000、高速モード:完全 SVD との比",
    "P1 1000, fast / randomized": "P1 n=1000、高速モード:乱択 SVD との比",
    "P1 2000, fast / full SVD": "P1 n=2000、高速モード:完全 SVD との比",
    "P1 2000, fast / randomized": "P1 n=2000、高速モード:乱択 SVD との比",
    "P2s noisy uint8, steps to a gap of 1e-6": "P2s 雑音あり uint8:ギャップ 1e-6 までの反復数",
    "P3 uint8, seconds": "P3(720p × 300 枚)uint8:配列から証明つきの結果までの秒数",
    "P3 uint8, memory beyond the data": "P3 uint8:データ以外に使うメモリの最大",
    "P2 f64, dense": "P2 float64:結果を密な行列にする秒数(上の時間には含まない)",
    "P3 noisy u8, dense": "P3 uint8:結果を密な行列にする秒数(上の時間には含まない)",
    "GB/s, two threads": "メモリ帯域(2 スレッド、GB/s)",
    "low-rank step / b += a": "低ランク反復 1 回の時間:同じ転送量の b += a との比",
    "Huber pass uint8, twin": "Huber 走査 uint8(r = 8、1 スレッド):NumPy 版との比",
    "Huber pass float32, twin": "Huber 走査 float32(r = 8、1 スレッド):NumPy 版との比",
    "Huber pass uint8, threads": "Huber 走査 uint8:2 スレッドの 1 スレッドに対する比",
    "Huber pass float32, threads": "Huber 走査 float32:2 スレッドの 1 スレッドに対する比",
    "growth with pixels": "画素数に対する時間の伸び(雑音つきモデル、uint8、ギャップ 1e-4)",
    "growth with frames": "枚数に対する時間の伸び(同上)",
}
FIGURE_EN = {
    "P2 f64, fast / full SVD": "P2 float64, fast: against IALM with full SVD and pyrpca",
    "P2 f32, fast / randomized": "P2 float32, fast: against IALM with randomized SVD",
    "P2s noisy uint8, stable / full SVD": "P2s noisy uint8, gap 1e-4: against full-SVD IALM at residual 1e-7",
    "P2s noisy f64, certified / best held μ": "P2s noisy float64, one problem to gap 1e-4: against the best held μ",
    "P1 1000, fast / full SVD": "P1, n = 1000, fast: against full SVD",
    "P1 1000, fast / randomized": "P1, n = 1000, fast: against randomized SVD",
    "P1 2000, fast / full SVD": "P1, n = 2000, fast: against full SVD",
    "P1 2000, fast / randomized": "P1, n = 2000, fast: against randomized SVD",
    "P3 uint8, seconds": "P3 (720p × 300) uint8: seconds from array to certified result",
    "P3 uint8, memory beyond the data": "P3 uint8: peak memory beyond the data",
    "P2 f64, dense": "P2 float64: seconds to make the result dense, not in the times",
    "P3 noisy u8, dense": "P3 uint8: seconds to make the result dense, not in the times",
    "GB/s, two threads": "bandwidth, two threads, GB/s",
    "low-rank step / b += a": "one low-rank step: time against b += a, which moves as much",
    "Huber pass uint8, twin": "Huber pass, uint8, r = 8, one thread: against NumPy",
    "Huber pass float32, twin": "Huber pass, float32, r = 8, one thread: against NumPy",
    "Huber pass uint8, threads": "Huber pass, uint8: two threads against one",
    "Huber pass float32, threads": "Huber pass, float32: two threads against one",
    "growth with pixels": "time against pixels (model with noise, uint8, gap 1e-4)",
    "growth with frames": "time against frames (the same)",
}
