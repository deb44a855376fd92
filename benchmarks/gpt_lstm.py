"""GPT and LSTM compared at equal numbers of parameters and seconds: a table, and a plot of loss against seconds.

python benchmarks/gpt_lstm.py tinyshakespeare.txt --minutes 1 --seeds 3 --plot docs/gpt_lstm.png
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

import genlab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=Path("gpt_lstm.png"))
    options = parser.parse_args()
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    print("| model | parameters | tokens/s | test loss: median (range) |\n|---|---|---|---|", flush=True)
    for model, colour in (("gpt", "tab:blue"), ("lstm", "tab:orange")):
        losses, rates = [], []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                run = genlab.train(
                    "text", options.data, model, out=f"{folder}/run", seed=seed, minutes=options.minutes,
                    size="laptop", context=64, tokenizer="char", quiet=True,
                )  # fmt: skip
                about, config = run.about, run.folder.config()["config"]
                lines = [line for line in run.folder.measures() if line["split"] == "validation"]
            losses.append(about["test"]["loss"])
            rates.append(about["step"] * config["batch"] * config["context"] / about["seconds"])
            axes.plot(
                [line["seconds"] for line in lines], [line["loss"] for line in lines], color=colour, alpha=0.7,
                label=model if seed == 0 else None,
            )  # fmt: skip
        parameters = sum(weight.numel() for weight in run.pipeline.network.parameters())
        spread = f"{statistics.median(losses):.4f} ({min(losses):.4f} to {max(losses):.4f})"
        print(f"| {model} | {parameters:,} | {statistics.median(rates):,.0f} | {spread} |", flush=True)
    axes.set(xlabel="seconds of training", ylabel="validation loss (nats per character)")
    axes.set_title(f"{options.data.stem}: equal parameters, equal seconds, {options.seeds} seeds")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(options.plot, dpi=110)


if __name__ == "__main__":
    main()
