{{/* Ports that mail comes in by, as JSON: what the container listens on, and what the service offers. */}}
{{- define "smtp-gateway.mailPorts" -}}
{{- $ports := list (dict "name" "smtp" "service" .Values.ports.smtp.service "container" .Values.ports.smtp.container) }}
{{- with .Values.ports.smtps }}
{{- if .enabled }}
{{- $ports = append $ports (dict "name" "smtps" "service" .service "container" .container) }}
{{- end }}
{{- end }}
{{- range .Values.ports.extra }}
{{- $ports = append $ports (dict "name" (printf "smtp-%d" (int .)) "service" . "container" .) }}
{{- end }}
{{- toJson (dict "ports" $ports) }}
{{- end }}

{{/* "true" when the process listens where usually only root may. */}}
{{- define "smtp-gateway.hasLowPort" -}}
{{- range (include "smtp-gateway.mailPorts" . | fromJson).ports }}
{{- if lt (int .container) 1024 }}true{{ end }}
{{- end }}
{{- end }}
