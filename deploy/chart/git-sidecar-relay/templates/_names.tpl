{{- define "relay.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "relay.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "relay.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "relay.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "relay.selectorLabels" -}}
app.kubernetes.io/name: {{ include "relay.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "relay.labels" -}}
{{ include "relay.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "relay.scheme" -}}
{{- if .Values.tls.secret -}}HTTPS{{- else -}}HTTP{{- end -}}
{{- end -}}

{{- /* The port that a URL names, or else the usual one of its scheme. */ -}}
{{- define "relay.portOf" -}}
{{- $url := urlParse .url -}}
{{- $found := regexFind ":[0-9]+$" $url.host -}}
{{- if $found -}}{{ trimPrefix ":" $found }}{{- else -}}{{ .usual }}{{- end -}}
{{- end -}}

{{- /* Another relay of this chart listens on 8080 behind its Service, whatever the port of that. */ -}}
{{- define "relay.parentPorts" -}}
{{- $usual := ternary "443" "80" (hasPrefix "https:" .Values.parent.url) -}}
{{- $named := include "relay.portOf" (dict "url" .Values.parent.url "usual" $usual) -}}
{{- $ports := concat (list (int $named) 8080) .Values.networkPolicy.parentPorts -}}
{{- range $ports | uniq }}
- {{ int . }}
{{- end -}}
{{- end -}}

{{- define "relay.natsPorts" -}}
{{- $ports := list -}}
{{- range splitList "," .Values.nats -}}
{{- $ports = append $ports (int (include "relay.portOf" (dict "url" (trim .) "usual" "4222"))) -}}
{{- end -}}
{{- range $ports | uniq }}
- {{ . }}
{{- end -}}
{{- end -}}

{{- /* How others of the cluster reach the Service. */ -}}
{{- define "relay.url" -}}
{{- $scheme := include "relay.scheme" . | lower -}}
{{- $usual := ternary 443 80 (eq $scheme "https") -}}
{{- $port := int .Values.service.port -}}
{{ $scheme }}://{{ include "relay.fullname" . }}.{{ .Release.Namespace }}{{ if ne $port $usual }}:{{ $port }}{{ end }}
{{- end -}}
