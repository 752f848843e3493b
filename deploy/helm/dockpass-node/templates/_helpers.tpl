{{- define "node.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "node.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "node.labels" -}}
{{ include "node.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "node.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The same in both containers: the second finds nothing to do, and stays. */}}
{{- define "node.container" -}}
image: {{ include "node.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env: [{ name: NODE_NAME, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }]
resources: {{- toYaml .Values.resources | nindent 2 }}
# Root with one right: to end the kubelet, which its supervisor then starts with what the files say. Files of the host are
# root's, and containers are kept from them and from its processes by AppArmor and SELinux.
securityContext:
  runAsUser: 0
  runAsGroup: 0
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL], add: [KILL] }
  seccompProfile: { type: RuntimeDefault }
  appArmorProfile: { type: Unconfined }
  seLinuxOptions: { type: spc_t }
volumeMounts:
  - { name: host, mountPath: /host }
  - { name: tmp, mountPath: /tmp }
{{- end -}}

{{- define "node.args" -}}
{{- if .Values.remove -}}
- kubernetes
- remove-node
{{- else -}}
- kubernetes
- install-node
- {{ printf "--registry=%s" .Values.registry | quote }}
- {{ printf "--audience=%s" .Values.audience | replace "$" "$$" | quote }}
- {{ printf "--username=%s" .Values.username | quote }}
{{- end }}
- --profile={{ .Values.profile }}
- --root=/host
- {{ printf "--health-url=%s" .Values.healthUrl | replace "$" "$$" | quote }}
- --node=$(NODE_NAME)
- --lease={{ .Release.Namespace }}/{{ include "node.fullname" . }}
{{- end -}}
