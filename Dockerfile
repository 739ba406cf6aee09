# One image for everything that is ours: processor, API, migrations, replays. Build: docker build -t live-customer-360 .
ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/c360
WORKDIR /src
# Changes rarely: what is built from it stays in the cache.
COPY requirements/image.lock requirements/image.lock
RUN python -m pip --python /opt/c360/bin/python install --require-hashes --no-deps --requirement requirements/image.lock
COPY . .
RUN python -m pip --python /opt/c360/bin/python install --no-deps --no-build-isolation . \
    && cp -r sample_data /opt/c360/lib/python3.*/site-packages/ \
    && ln -s /opt/c360/lib/python3.*/site-packages/sample_data /opt/c360/ \
    && python -m pip --python /opt/c360/bin/python uninstall --yes setuptools \
    && find /opt/c360 -name __pycache__ -prune -exec rm -rf {} +

FROM ${PYTHON}
COPY --from=build /opt/c360 /opt/c360
ENV PATH=/opt/c360/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LOG_FORMAT=json
# By number: Kubernetes has to see that it is not root. The migrations' log wants a name.
USER 10001:10001
ENV LOGNAME=c360
WORKDIR /tmp
ENTRYPOINT ["c360"]
CMD ["--help"]
