<#
.SYNOPSIS
    Checks a Redis or Valkey Cluster once, and reports stuck slot migrations and other alerts. For a schedule of a few minutes.
.DESCRIPTION
    Writes the active alerts of Get-RedisClusterAlert to the output, and only reads the cluster.
    A state file keeps the observations from one check to the next, so a migration counts as stuck from its last progress on.
    With a webhook, new alerts are posted once, then repeated after -RepeatAfter, and their end is posted, too.
    A cluster that can't be read is an alert, too.

    Exit codes: 0 no alert; 1 alerts; 2 the check or the webhook failed. In Azure Automation, or with -Throw, 1 and 2 are exceptions.

    How to install it in Azure Automation, Windows Task Scheduler and cron: docs/runbooks.md.
.PARAMETER Cluster
    Specifies the cluster: host:port[,host:port]. rediss://host:port connects by TLS. Do not put a password here.
.PARAMETER StuckAfter
    Specifies how long an open slot may make no progress, such as 30m or 2h. The default is 30m.
.PARAMETER Severity
    Specifies the least severity that counts: Information, Warning or Error. The default is Warning.
.PARAMETER StatePath
    Specifies the state file. Use one per cluster. By default, it is in the user's data folder.
.PARAMETER StateVariable
    Specifies the variable of Azure Automation that keeps the state file between jobs, because a sandbox keeps no files.
.PARAMETER JournalPath
    Specifies the folder of the journal, if runs use another one than the user's default.
.PARAMETER WebhookPath
    Specifies a file with the address of a webhook in its first line. Only its owner may be able to read it.
.PARAMETER WebhookName
    Specifies the encrypted variable of Azure Automation, or with -VaultName the secret, that holds the address of a webhook.
.PARAMETER RepeatAfter
    Specifies after how many hours the webhook gets alerts again that have not changed. The default is 4.
.PARAMETER LoginPath
    Specifies a file with the login, created by the job's user: Get-Credential | Export-Clixml <file>.
.PARAMETER LoginName
    Specifies the credential of Azure Automation, or with -VaultName the secret, that holds the login.
.PARAMETER VaultName
    Specifies the Azure Key Vault. The job logs in with its managed identity.
.PARAMETER UserName
    Specifies the ACL user of a secret in a vault. The default is 'default'.
.PARAMETER CaCertificatePath
    Specifies a file with the certificate authorities of the servers. Implies TLS.
.PARAMETER Throw
    Ends with an exception instead of an exit code.
.EXAMPLE
    pwsh -NoProfile -NonInteractive -File Watch-StuckMigration.ps1 -Cluster redis-1:6379,redis-2:6379

    Checks a cluster from cron.
.EXAMPLE
    ./Watch-StuckMigration.ps1 redis-1:6379 -LoginPath ./operator.xml -WebhookPath ./webhook.txt -StuckAfter 15m

    Logs in, and posts new alerts to a webhook.
.EXAMPLE
    ./Watch-StuckMigration.ps1 -Cluster redis-1:6379 -LoginName RedisOperator -WebhookName RedisWebhook -StateVariable RedisWatch

    Runs as a job of Azure Automation.
#>
[CmdletBinding()]
[OutputType('RedisClusterOps.RedisClusterAlert')]
param(
    [Parameter(Mandatory = $true, Position = 0)] [string] $Cluster,
    [string] $StuckAfter = '30m',
    [ValidateSet('Information', 'Warning', 'Error')] [string] $Severity = 'Warning',
    [string] $StatePath,
    [string] $StateVariable,
    [string] $JournalPath,
    [string] $WebhookPath,
    [string] $WebhookName,
    [ValidateRange(0, 8760)] [double] $RepeatAfter = 4,
    [string] $LoginPath,
    [string] $LoginName,
    [string] $VaultName,
    [string] $UserName = 'default',
    [string] $CaCertificatePath,
    [switch] $Throw
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# A copy of this script finds the functions in the folder of the installed module.
$shared = Join-Path $PSScriptRoot 'Runbook.ps1'
if (-not (Test-Path $shared)) {
    $installed = Get-Module RedisClusterOps -ListAvailable | Select-Object -First 1
    $shared = [IO.Path]::Combine($installed.ModuleBase, 'runbooks', 'Runbook.ps1')
}
. $shared

# A job of Azure keeps no files, so a variable keeps the two files of the state as one text.
function Restore-State([string] $Path, [string] $Variable) {
    if (-not $Variable) { return }
    $kept = Get-AutomationVariable -Name $Variable
    if (-not $kept) { return }
    $files = ConvertFrom-Json $kept
    if ($files.Watch) { [IO.File]::WriteAllText($Path, $files.Watch) }
    if ($files.Sent) { [IO.File]::WriteAllText("$Path.sent", $files.Sent) }
}

function Save-State([string] $Path, [string] $Variable) {
    if (-not $Variable) { return }
    $files = @{ Watch = ''; Sent = '' }
    if (Test-Path -LiteralPath $Path) { $files.Watch = [IO.File]::ReadAllText($Path) }
    if (Test-Path -LiteralPath "$Path.sent") { $files.Sent = [IO.File]::ReadAllText("$Path.sent") }
    Set-AutomationVariable -Name $Variable -Value (ConvertTo-Json -InputObject $files -Compress)
}

# Posts alerts that are new, that have lasted for -RepeatAfter since the last post, or that have ended.
function Send-Alert([uri] $Address, [string] $StatePath, [object[]] $Alert, [double] $Hours) {
    $keys = @($Alert | ForEach-Object { "$($_.Code) $($_.Target)" } | Sort-Object)
    $sent = Read-RunbookFile "$StatePath.sent"
    $before = @(if ($sent) { $sent.Keys })
    $now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
    $new = @($keys | Where-Object { $before -notcontains $_ })
    $isDue = $keys.Count -gt 0 -and $sent -and $now - $sent.SentAt -ge $Hours * 3600
    $hasEnded = $keys.Count -eq 0 -and $before.Count -gt 0
    if ($new.Count -eq 0 -and -not $isDue -and -not $hasEnded) { return }
    $name = Get-ClusterLabel $Cluster
    $lines = if ($hasEnded) { "${name}: no alert is active any more." } else {
        "${name}: $($keys.Count) alert(s)"
        foreach ($one in $Alert) { "$($one.Severity) $($one.Code) $($one.Target): $($one.Message) Next: $($one.Advice)" }
    }
    $body = ConvertTo-Json -Depth 4 -InputObject @{
        text   = $lines -join "`n"
        alerts = @($Alert | ForEach-Object {
                @{
                    code = "$($_.Code)"; severity = "$($_.Severity)"; target = "$($_.Target)"; message = "$($_.Message)"
                    advice = "$($_.Advice)"; since = if ($_.Since) { $_.Since.ToString('o') } else { '' }
                }
            })
    }
    # Windows PowerShell offers an old version of TLS by default.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    try {
        $request = @{ Uri = $Address; Method = 'Post'; ContentType = 'application/json; charset=utf-8'; TimeoutSec = 30 }
        $null = Invoke-RestMethod @request -Body ([Text.Encoding]::UTF8.GetBytes($body)) -UseBasicParsing
    }
    catch {
        # The exception may contain the address, which is a secret.
        throw "The webhook at $($Address.Host) did not accept the alerts ($($_.Exception.GetType().Name)). They are posted again next time."
    }
    Write-RunbookFile "$StatePath.sent" @{ SentAt = $now; Keys = $keys }
}

$code, $text = 0, ''
$alerts = @()
try {
    Import-RunbookModule
    if (-not $StatePath) { $StatePath = Get-RunbookFile 'watch' $Cluster }
    $StatePath = Get-FullPath $StatePath
    Restore-State $StatePath $StateVariable
    $webhook = Get-RunbookAddress $WebhookPath $WebhookName $VaultName
    try {
        $login = Get-RunbookCredential $LoginPath $LoginName $VaultName $UserName
        Connect-RunbookCluster $Cluster $login $CaCertificatePath
        $options = @{ StuckAfter = $StuckAfter; StatePath = $StatePath }
        if ($JournalPath) { $options.JournalPath = $JournalPath }
        $ranks = @{ Information = 0; Warning = 1; Error = 2 }
        $alerts = @(Get-RedisClusterAlert @options | Where-Object { $ranks["$($_.Severity)"] -ge $ranks[$Severity] })
        $alerts
        if ($alerts.Count -gt 0) { $code, $text = 1, "$($alerts.Count) alert(s): $($alerts -join '; ')" }
    }
    catch {
        $code, $text = 2, (Get-ErrorText $_)
        $alerts = @([pscustomobject] @{
                Code = 'CheckFailed'; Severity = 'Error'; Target = 'cluster'; Message = $text; Since = $null
                Advice = 'Run the check by hand.'
            })
    }
    if ($webhook) { Send-Alert $webhook $StatePath $alerts $RepeatAfter }
    Save-State $StatePath $StateVariable
}
catch {
    $code = 2
    $text = (@($text, (Get-ErrorText $_)) | Where-Object { $_ }) -join ' '
}

if ($code -eq 0) { Write-Verbose 'No alert is active.' }
elseif (Test-EndByThrow -Throw:$Throw) { throw $text }
else { Write-Error $text -ErrorAction Continue }
exit $code
