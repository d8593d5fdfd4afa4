{{- define "smtp-gateway.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The release alone when it says what it is. Names of Kubernetes end at 63 characters, and ours carry a suffix; a release
may have dots, a Service may not.
*/}}
{{- define "smtp-gateway.fullname" -}}
{{- $name := include "smtp-gateway.name" . }}
{{- $release := .Release.Name | replace "." "-" }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name $release }}
{{- $release | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" $release $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "smtp-gateway.selectorLabels" -}}
app.kubernetes.io/name: {{ include "smtp-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "smtp-gateway.labels" -}}
{{ include "smtp-gateway.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "smtp-gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "smtp-gateway.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "smtp-gateway.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "smtp-gateway.deadLetterClaim" -}}
{{- .Values.deadLetters.existingClaim | default (printf "%s-letters" (include "smtp-gateway.fullname" .)) }}
{{- end }}

{{/* Numbers of a values file are floating point: 26214400 would be written 2.62144e+07. */}}
{{- define "smtp-gateway.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end }}
{{- end }}

{{/* "true" when the settings name a collector of traces. */}}
{{- define "smtp-gateway.exportsTraces" -}}
{{- if or (get .Values.config "OTEL_EXPORTER_OTLP_ENDPOINT") (get .Values.config "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") }}true{{ end }}
{{- end }}
