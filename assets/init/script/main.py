import sys


def main():
    print(f"Hello from Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
