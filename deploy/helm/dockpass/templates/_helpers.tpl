{{- define "dockpass.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dockpass.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "dockpass.name" .) .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dockpass.name" .) | replace "." "-" | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dockpass.selector" -}}
app.kubernetes.io/name: {{ include "dockpass.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "dockpass.labels" -}}
{{ include "dockpass.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "dockpass.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dockpass.isSqlite" -}}
{{- if not .Values.database.existingSecret }}true{{ end -}}
{{- end -}}

{{/* The path of publicUrl without a slash at its end: "" or "/dockpass". */}}
{{- define "dockpass.prefix" -}}
{{- (urlParse .Values.publicUrl).path | trimSuffix "/" -}}
{{- end -}}

{{/* urlParse has the port in its host. Kubernetes takes only lower case. */}}
{{- define "dockpass.host" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .Values.publicUrl).host "" | lower -}}
{{- end -}}

{{/* As Dockpass derives it from publicUrl: without the port that the scheme has anyway. */}}
{{- define "dockpass.issuer" -}}
{{- $port := hasPrefix "https:" .Values.publicUrl | ternary ":443" ":80" -}}
{{- (.Values.settings | default dict).TOKEN_ISSUER | default ((urlParse .Values.publicUrl).host | lower | trimSuffix $port) -}}
{{- end -}}

{{- define "dockpass.scheme" -}}
{{- if (.Values.settings | default dict).TLS_CERTIFICATE_FILE }}HTTPS{{ else }}HTTP{{ end -}}
{{- end -}}

{{- define "dockpass.policy" -}}
{{- .Values.existingPolicy | default (printf "%s-policy" (include "dockpass.fullname" .)) -}}
{{- end -}}

{{- define "dockpass.claim" -}}
{{- .Values.persistence.existingClaim | default (include "dockpass.fullname" .) -}}
{{- end -}}

{{- define "dockpass.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "dockpass.podSecurityContext" -}}
{{- $own := dict "runAsNonRoot" true "runAsUser" 1000 "runAsGroup" 1000 "fsGroup" 1000 "fsGroupChangePolicy" "OnRootMismatch" "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- toYaml (mergeOverwrite $own (.Values.podSecurityContext | default dict)) -}}
{{- end -}}

{{/* A value of a variable, as it is: Kubernetes would put others in for $(NAME), and take one of two dollars away. Helm has
large numbers as floats, which toString writes with an exponent. */}}
{{- define "dockpass.literal" -}}
{{- kindIs "float64" . | ternary (toJson .) (toString .) | replace "$" "$$" | quote -}}
{{- end -}}

{{/* What is the same in the service and its test. Secrets come from Secrets only. */}}
{{- define "dockpass.env" -}}
- { name: PUBLIC_URL, value: {{ .Values.publicUrl | quote }} }
- { name: SERVICES, value: {{ join "," .Values.services | quote }} }
{{- with .Values.adminEmails }}
- { name: ADMIN_EMAILS, value: {{ join "," . | quote }} }
{{- end }}
{{- with .Values.contact }}
- { name: CONTACT, value: {{ include "dockpass.literal" . }} }
{{- end }}
{{- with .Values.google.clientId }}
- { name: GOOGLE_CLIENT_ID, value: {{ . | quote }} }
{{- end }}
{{- with .Values.google.domains }}
- { name: GOOGLE_DOMAINS, value: {{ join "," . | quote }} }
{{- end }}
{{- with .Values.proxy.trusted }}
- { name: TRUSTED_PROXIES, value: {{ join "," . | quote }} }
{{- end }}
{{- if .Values.serviceMonitor.enabled }}
- { name: METRICS_LISTEN, value: "0.0.0.0:9464" }
{{- end }}
{{- range $name, $value := .Values.settings }}
- { name: {{ $name }}, value: {{ include "dockpass.literal" $value }} }
{{- end }}
{{- with .Values.database.existingSecret }}
- { name: DATABASE_URL, valueFrom: { secretKeyRef: { name: {{ . | quote }}, key: DATABASE_URL } } }
{{- end }}
{{- end -}}

{{- define "dockpass.envFrom" -}}
{{- with .Values.secrets.existingSecret -}}
envFrom: [{ secretRef: { name: {{ . | quote }} } }]
{{- end -}}
{{- end -}}

{{/* The values that have no effect beside the others, one a line. */}}
{{- define "dockpass.ignored" -}}
{{- $values := .Values -}}
{{- range $group, $names := dict "ingress" (list "className" "annotations" "tlsSecret") "httpRoute" (list "annotations" "parentRefs") "networkPolicy" (list "from" "egress") "serviceMonitor" (list "labels") "backup" (list "storageClass" "existingClaim") -}}
{{- range $name := $names -}}
{{- if and (get (get $values $group) $name) (not (get (get $values $group) "enabled")) }}
- {{ $group }}.{{ $name }}: {{ $group }}.enabled is false
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name := list "existingClaim" "storageClass" -}}
{{- if and (get $values.persistence $name) (not (include "dockpass.isSqlite" $)) }}
- persistence.{{ $name }}: with PostgreSQL there is no volume
{{- end -}}
{{- end -}}
{{- range $group := list "persistence" "backup" -}}
{{- if and (get $values $group).existingClaim (get $values $group).storageClass }}
- {{ $group }}.storageClass: {{ $group }}.existingClaim is set
{{- end -}}
{{- end -}}
{{- if and $values.image.tag $values.image.digest }}
- image.tag: image.digest is set
{{- end -}}
{{- end -}}
