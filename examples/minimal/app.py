"""The smallest project that is worth a container: one route, one dependency."""

from importlib.metadata import version

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello():
    return f"Hello from Flask {version('flask')}\n"
