{{- define "roster.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}

{{- /* Things of the whole cluster carry the namespace too: one release serves one realm, and there may be several. */}}
{{- define "roster.clusterName" -}}
{{ printf "%s-%s" .Release.Namespace (include "roster.fullname" .) }}
{{- end }}

{{- define "roster.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "roster.labels" -}}
{{ include "roster.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "roster.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "roster.fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ required "serviceAccount.name names the one to use where serviceAccount.create is false" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "roster.credentialsNamespace" -}}
{{ default (printf "%s-credentials" .Release.Namespace) .Values.credentials.namespace }}
{{- end }}

{{- define "roster.image" -}}
{{- $repository := required "image.repository is needed: there is no public image; build the Dockerfile of the repository and push it to a registry of yours" .Values.image.repository }}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}
{{- else }}{{ $repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{- define "roster.names" -}}
{{ .Files.Get "generated/names.yaml" }}
{{- end }}

{{- define "roster.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "roster.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ .Values.runAsUser }}
runAsGroup: {{ .Values.runAsUser }}
fsGroup: {{ .Values.runAsUser }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- /* Files that somebody else keeps: by their setting, the volume and where in the container they are. */}}
{{- define "roster.mounts" -}}
{{- with .Values.smtp.ca }}
{{- if or .existingConfigMap .existingSecret }}
smtpCa:
  name: smtp-ca
  file: /etc/roster/smtp-ca/{{ .key }}
  volume:
    {{- if .existingConfigMap }}
    configMap: {name: {{ .existingConfigMap }}, items: [{key: {{ .key | quote }}, path: {{ .key | quote }}}]}
    {{- else }}
    secret: {secretName: {{ .existingSecret }}, defaultMode: 0440, items: [{key: {{ .key | quote }}, path: {{ .key | quote }}}]}
    {{- end }}
{{- end }}
{{- end }}
{{- with .Values.directoryFiles.existingClaim }}
directoryFiles:
  name: directory-files
  file: /etc/roster/directory-files
  volume:
    persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
{{- end }}
{{- range $setting := list "policy" "signers" }}
{{- with index $.Values $setting }}
{{- if .existingConfigMap }}
{{ $setting }}:
  name: {{ $setting }}
  file: /etc/roster/{{ $setting }}/{{ .key }}
  volume:
    configMap: {name: {{ .existingConfigMap }}, items: [{key: {{ .key | quote }}, path: {{ .key | quote }}}]}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
