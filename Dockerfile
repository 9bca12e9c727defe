# The worker, the desk and the `homeward` command in an image. No secret is baked in; everything is set at run time.
FROM python:3.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/homeward && python -m venv /opt/build
WORKDIR /src

# Before the code, so that a change of code does not install everything anew.
COPY requirements/ requirements/
RUN /opt/homeward/bin/pip install --no-deps --require-hashes -r requirements/runtime.lock \
 && /opt/build/bin/pip install --no-deps --require-hashes -r requirements/build.lock

COPY pyproject.toml README.md worker.py ./
COPY procedure/ procedure/
COPY agreements/ agreements/
COPY casefile/ casefile/
COPY workflows/ workflows/
COPY activities/ activities/
COPY sealing/ sealing/
COPY starter/ starter/
COPY desk/ desk/
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /wheel \
 && /opt/homeward/bin/pip install --no-deps --no-index /wheel/*.whl


FROM python:3.11-slim-bookworm

# What the dossier's PDF is set with.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin homeward \
 && install --directory --owner homeward --group homeward --mode 0700 \
      /data /archive /kek /published-keys /signing
COPY --from=build /opt/homeward /opt/homeward
ENV PATH=/opt/homeward/bin:$PATH HOMEWARD_DATA=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER homeward
WORKDIR /data
# What a container of its own keeps: a new volume takes its owner from these folders.
VOLUME ["/data", "/archive", "/kek", "/published-keys", "/signing"]
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s CMD ["python", "-m", "worker", "--check"]
ENTRYPOINT ["python", "-m", "worker"]
