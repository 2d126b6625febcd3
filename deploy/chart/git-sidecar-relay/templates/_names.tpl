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

{{- /* The account that the Pods are; nothing: that of the namespace. */ -}}
{{- define "relay.account" -}}
{{- if .Values.serviceAccountName -}}{{ .Values.serviceAccountName }}
{{- else if .Values.kubernetesEvents -}}{{ include "relay.fullname" . }}
{{- end -}}
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

{{- /* The port that an HTTP URL names, or that of its scheme. */ -}}
{{- define "relay.httpPort" -}}
{{- include "relay.portOf" (dict "url" . "usual" (ternary "443" "80" (hasPrefix "https:" (lower .)))) -}}
{{- end -}}

{{- /* Another relay of this chart listens on 8080 behind its Service, whatever the port of that. */ -}}
{{- define "relay.parentPorts" -}}
{{- $ports := concat (list (include "relay.httpPort" .Values.parent.url | int) 8080) .Values.networkPolicy.parentPorts -}}
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
{{- include "relay.urlOf" (dict "service" (include "relay.fullname" .) "root" .) -}}
{{- end -}}

{{- define "relay.urlOf" -}}
{{- $scheme := include "relay.scheme" .root | lower -}}
{{- $usual := ternary 443 80 (eq $scheme "https") -}}
{{- $port := int .root.Values.service.port -}}
{{ $scheme }}://{{ .service }}.{{ .root.Release.Namespace }}{{ if ne $port $usual }}:{{ $port }}{{ end }}
{{- end -}}

{{- /* The file of --rollouts, where the values hold it. */ -}}
{{- define "relay.rolloutFile" -}}
{{- $file := .Values.rollouts.file -}}
{{- if kindIs "string" $file -}}{{ $file }}{{- else if $file -}}{{ toYaml $file }}{{- end -}}
{{- end -}}

{{- /* The answers and notifications of that file. Those that are not well-formed are for the relay to name. */ -}}
{{- define "relay.rolloutReceivers" -}}
{{- $file := include "relay.rolloutFile" . | fromYaml -}}
{{- $receivers := list -}}
{{- range list "answers" "notifications" -}}
{{- $entries := get $file . -}}
{{- range ternary $entries list (kindIs "slice" $entries) -}}
{{- if kindIs "map" . }}{{ $receivers = append $receivers . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml $receivers -}}
{{- end -}}

{{- /* The entry `decider` of the policies; nothing where they name none. */ -}}
{{- define "relay.decider" -}}
{{- $decider := .Values.rollouts.decider -}}
{{- if not $decider -}}{{- $decider = get (include "relay.rolloutFile" . | fromYaml) "decider" -}}{{- end -}}
{{- if and $decider (kindIs "map" $decider) -}}{{ toYaml $decider }}{{- end -}}
{{- end -}}

{{- /* The name of the Pod that decides, where it is one of this release. */ -}}
{{- define "relay.decidingPod" -}}
{{- $name := get (include "relay.decider" . | fromYaml) "name" | toString -}}
{{- if regexMatch (printf "^%s-[0-9]+$" (include "relay.fullname" .)) $name -}}{{ $name }}{{- end -}}
{{- end -}}

{{- define "relay.deciderService" -}}
{{- printf "%s-decider" (include "relay.fullname" . | trunc 55 | trimSuffix "-") -}}
{{- end -}}

{{- /* Where receivers and the relay that decides listen. What is in a url-file is not known here: mostly HTTPS. */ -}}
{{- define "relay.rolloutPorts" -}}
{{- $ports := list -}}
{{- range include "relay.rolloutReceivers" . | fromYamlArray -}}
{{- $ports = append $ports (include "relay.httpPort" (default "https://" .url | toString) | int) -}}
{{- end -}}
{{- with include "relay.decider" . | fromYaml -}}
{{- $ports = concat $ports (list (include "relay.httpPort" (default "" .url | toString) | int) 8080) -}}
{{- end -}}
{{- range $ports | uniq }}
- {{ . }}
{{- end -}}
{{- end -}}
