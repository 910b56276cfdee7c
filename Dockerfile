# The worker, the API and the command line in one image; no compiler, no root.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY actions actions
COPY api api
COPY cli cli
COPY config config
COPY devstack devstack
COPY docs/schema docs/schema
COPY engine engine
COPY storage storage
COPY streams streams
COPY examples examples
RUN python -m venv /opt/sluicegate && /opt/sluicegate/bin/pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --system --uid 10001 sluicegate
COPY --from=build /opt/sluicegate /opt/sluicegate
COPY --from=build /src/examples /workflows
ENV PATH=/opt/sluicegate/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json
USER 10001
WORKDIR /
ENTRYPOINT ["sluicegate"]
CMD ["worker"]
