"""What is compared with files that stand beside the tests: "python -m tests.golden" renews them."""
