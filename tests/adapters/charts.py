"""A chart as `helm create` would make one, as small as it can be: a Deployment, its Service, an Ingress and a test."""

from __future__ import annotations

from pathlib import Path

CHART = """\
apiVersion: v2
name: shop
version: 1.2.3
"""
VALUES = """\
image: {repository: registry.example/shop, tag: "7"}
replicas: 2
ingress: {host: shop.example}
password: nobody-may-read-this
"""
HELPERS = """\
{{- define "shop.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- define "shop.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
"""
DEPLOYMENT = """\
{{- /* The web server. */}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-web
  labels: {{- include "shop.labels" . | nindent 4 }}
spec:
  {{- if .Values.replicas }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- include "shop.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "shop.labels" . | nindent 8 }}
    spec:
      containers:
        - name: web
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          ports: [{containerPort: 8000}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-web
  namespace: {{ .Release.Namespace }}
  labels: {{- include "shop.labels" . | nindent 4 }}
spec:
  selector: {{- include "shop.selector" . | nindent 4 }}
  ports: [{port: 80, targetPort: 8000}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .Release.Name }}
spec:
  rules:
    - host: {{ .Values.ingress.host }}
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: {{ .Release.Name }}-web, port: {number: 80}}}}
"""
TEST = """\
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test-connection
  annotations: {"helm.sh/hook": test}
spec:
  containers: [{name: wget, image: busybox, args: ["{{ .Release.Name }}-web"]}]
"""
FILES = {
    "Chart.yaml": CHART,
    "values.yaml": VALUES,
    "templates/_helpers.tpl": HELPERS,
    "templates/deployment.yaml": DEPLOYMENT,
    "templates/service.yaml": SERVICE,
    "templates/tests/connection.yaml": TEST,
    "templates/NOTES.txt": "It runs as {{ .Release.Name }}.\n",
    "crds/thing.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x.y}\n",
}


def write_chart(folder: Path, **more: str) -> Path:
    """The chart in a folder. `more`: templates, by their name without `.yaml`, over those of the plain one."""
    templates = {f"templates/{name}.yaml": text for name, text in more.items()}
    for name, text in (FILES | templates).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def packaged(chart: Path, helm: Path, folder: Path) -> Path:
    """The chart as helm packs it."""
    import subprocess

    subprocess.run([helm, "package", chart, "--destination", folder], check=True, capture_output=True, timeout=60)
    (file,) = folder.glob("*.tgz")
    return file
