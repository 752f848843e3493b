# Logs docker and podman in to a registry with your browser: @PUBLIC_URL@
#
#   .\login.ps1 [-Registry] REGISTRY [-User EMAIL]
#
# It asks @PUBLIC_URL@ for a code, shows it, waits until you have approved it in your browser, and hands the password that it
# is given to `docker login` and `podman login` on standard input. It stores nothing itself.
param([string] $Registry = '@REGISTRY@', [string] $User = '')

$ErrorActionPreference = 'Stop'
$url = '@PUBLIC_URL@'
if (-not $Registry) { throw 'Name the registry, for example: .\login.ps1 registry.example.com' }
$tools = @('docker', 'podman') | Where-Object { Get-Command $_ -ErrorAction SilentlyContinue }
if (-not $tools) { throw 'Neither docker nor podman is installed.' }

# Sends a form; an answer that is an error comes back as its JSON, too.
function Send-Form([string] $Path, [hashtable] $Form) {
  try {
    Invoke-RestMethod -Method Post -Uri ($url + $Path) -Body $Form -TimeoutSec 30
  } catch {
    $text = $_.ErrorDetails.Message
    if (-not $text) { throw "$url does not answer: $($_.Exception.Message)" }
    $text | ConvertFrom-Json
  }
}

$start = Send-Form '/oauth/device' @{
  client_id = 'dockpass-cli'; registry = $Registry; purpose = 'login'; machine = [Environment]::MachineName
}
if ($start.error) { throw $start.error_description }
Write-Host ''
Write-Host "  Open   $($start.verification_uri)"
Write-Host "  Type   $($start.user_code)"
Write-Host ''
try { Start-Process $start.verification_uri } catch { } # a machine without a browser
Write-Host 'Waiting for your approval (Ctrl+C gives up) ...'

$interval = [int] $start.interval
while ($true) {
  Start-Sleep -Seconds $interval
  $answer = Send-Form '/oauth/token' @{
    client_id = 'dockpass-cli'; device_code = $start.device_code
    grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  }
  if (-not $answer.error) { break }
  if ($answer.error -eq 'slow_down') { $interval += 5 }
  elseif ($answer.error -notin @('authorization_pending', 'temporarily_unavailable', 'server_error')) {
    throw $answer.error_description
  }
}
if ($User -and $answer.username -ne $User) {
  throw "It was approved by $($answer.username) and not by $User; nothing was logged in. Revoke it at $url"
}
Write-Host "Signed in as $($answer.username)."
foreach ($tool in $tools) {
  $answer.access_token | & $tool login --username $answer.username --password-stdin $Registry
}
