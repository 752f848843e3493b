# Logs docker and podman in to a registry with your browser.
#
#   .\login.ps1 [-Registry] REGISTRY [-User EMAIL]
#
# It asks the Dockpass below for a code, shows it, waits until you have approved it in your browser, and hands the password
# that it is given to `docker login` and `podman login` on standard input. It stores nothing itself.
param([string] $Registry = '', [string] $User = '')

$url = '@PUBLIC_URL@'
$onlyRegistry = '@REGISTRY@'
# --- The same for every Dockpass of this version from here on; docs/terminal.md says how to compare it with the release notes.

$ErrorActionPreference = 'Stop'
if (-not $Registry) { $Registry = $onlyRegistry }
if (-not $Registry) { throw 'Name the registry, for example: .\login.ps1 registry.example.com' }
$tools = @('docker', 'podman') | Where-Object { Get-Command $_ -ErrorAction SilentlyContinue }
if (-not $tools) { throw 'Neither docker nor podman is installed. Install one of them, then run this again.' }

# Sends a form. An answer that is an error comes back as its JSON; where there is no answer, as the error no_answer.
function Send-Form([string] $Path, [hashtable] $Form) {
  try {
    Invoke-RestMethod -Method Post -Uri ($url + $Path) -Body $Form -TimeoutSec 30 -MaximumRedirection 0
  } catch {
    $text = $_.ErrorDetails.Message
    try { $text | ConvertFrom-Json }
    catch { @{ error = 'no_answer'; error_description = "$url does not answer: $($_.Exception.Message)" } }
  }
}

# Without anything that a terminal would act on.
function Get-Printable([string] $Text) { $Text -replace '[^\x20-\x7e]', '' }
# Addresses can have letters of other scripts.
function Get-Address([string] $Text) { $Text -replace '[\p{C}\p{Z}]', '' }

# Who is logged in now, as far as docker's file says.
function Get-CurrentUser {
  $folder = if ($env:DOCKER_CONFIG) { $env:DOCKER_CONFIG } else { Join-Path $HOME '.docker' }
  $file = Join-Path $folder 'config.json'
  if (-not (Test-Path $file)) { return '' }
  $config = Get-Content -Raw $file | ConvertFrom-Json
  $entry = $config.auths.$Registry
  if ($entry.auth) {
    $text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($entry.auth))
    return ($text -split ':')[0]
  }
  $keeper = $config.credHelpers.$Registry
  if (-not $keeper) { $keeper = $config.credsStore }
  if (-not $keeper -or -not (Get-Command "docker-credential-$keeper" -ErrorAction SilentlyContinue)) { return '' }
  $answer = $Registry | & "docker-credential-$keeper" get 2>$null
  if ($LASTEXITCODE -ne 0) { return '' }
  return ($answer | ConvertFrom-Json).Username
}

$start = Send-Form '/oauth/device' @{
  client_id = 'dockpass-cli'; registry = $Registry; purpose = 'login'; machine = [Environment]::MachineName
}
if ($start.error) { throw (Get-Printable $start.error_description) }
$ends = (Get-Date).AddSeconds([int] $start.expires_in)
Write-Host ''
Write-Host "  Open   $(Get-Printable $start.verification_uri)"
Write-Host "  Type   $(Get-Printable $start.user_code)"
Write-Host ''
if ($start.verification_uri -like "$url/*") {
  try { Start-Process $start.verification_uri } catch { } # a machine without a browser
}
Write-Host 'Waiting for your approval (Ctrl+C gives up) ...'

# An answer that is lost is asked for again: Dockpass gives it once more for a minute.
$interval = [int] $start.interval
while ($true) {
  Start-Sleep -Seconds $interval
  if ((Get-Date) -gt $ends) { throw 'The code has expired; start again.' }
  $answer = Send-Form '/oauth/token' @{
    client_id = 'dockpass-cli'; device_code = $start.device_code
    grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  }
  if (-not $answer.error) { break }
  if ($answer.error -eq 'slow_down') { $interval += 5 }
  elseif ($answer.error -notin @('authorization_pending', 'temporarily_unavailable', 'server_error', 'no_answer')) {
    throw (Get-Printable $answer.error_description)
  }
}
$name = Get-Address $answer.username
if ($User -and $name -ne $User) {
  throw "It was approved by $name, not by $User; nothing was logged in. Revoke it at $url"
}
Write-Host "Signed in as $name."
$before = Get-Address (Get-CurrentUser)
if ($before -and $before -ne $name -and $before -ne '<token>') {
  $reply = Read-Host "docker is logged in to $Registry as $before. Replace that with ${name}? [y/N]"
  if ($reply -notlike 'y*') { throw 'It was left as it is.' }
}
foreach ($tool in $tools) {
  $answer.access_token | & $tool login --username $name --password-stdin $Registry
}
