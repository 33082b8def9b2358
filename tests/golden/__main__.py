"""Renews the golden files: python -m tests.golden."""

from tests.golden.files import write_all

if __name__ == "__main__":
    for path in write_all():
        print(path)
