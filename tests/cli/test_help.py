"""The help pages list every option."""


def test_help_lists_every_option(cli):
    _, out, _ = cli("train", "text", "--help")
    for option in ("out", "minutes", "steps", "model", "size", "context", "tokenizer", "validation", "test", "seed",
                   "device", "precision", "resume", "json", "log", "dropout"):  # fmt: skip
        assert f"--{option}" in out
    assert "laptop has 4 layers" in out
    _, lstm, _ = cli("train", "text", "--model", "lstm", "--help")
    assert "the recurrent baseline" in lstm


def test_help_of_a_run_lists_its_options(cli, trained):
    code, out, _ = cli("generate", trained, "--help")
    assert code == 0
    for option in ("prompt", "tokens", "n", "temperature", "top-k", "top-p", "min-p", "repetition-penalty", "stop",
                   "greedy", "weights", "seed", "json"):  # fmt: skip
        assert f"--{option}" in out
    code, out, _ = cli("evaluate", trained, "--help")
    assert "--data" in out
    code, out, _ = cli("attention", trained, "--help")
    for option in ("prompt", "layer", "head", "to", "json", "device"):
        assert f"--{option}" in out
