# One image for every process: docker run … relance api | relay | worker | migrate | shop …
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

RUN useradd --system --create-home --uid 10001 relance
WORKDIR /app

# Hash-pinned: what is installed is what was tested. The image has no build backend; its pin is in the other lock.
COPY requirements/runtime.txt requirements/dev.txt requirements/
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements/dev.txt > requirements/build.txt \
    && pip install --require-hashes -r requirements/runtime.txt -r requirements/build.txt

# Editable, so that the code finds plans/ and the SQL migrations beside itself.
COPY . .
# Compiled here: the user below may not write, and each start of a workflow imports its module anew (13 ms, else 6).
RUN pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q .

USER relance
EXPOSE 8080
ENTRYPOINT ["relance"]
CMD ["--help"]
