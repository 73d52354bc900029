# Functions that the runbooks share: the module, the connection, secrets, times and small files. The runbooks dot-source this file.
# It needs Windows PowerShell 5.1 or PowerShell 7. Cmdlets of Azure are called only where they exist.

# Imports the module of this folder, or the installed one.
function Import-RunbookModule {
    $beside = Join-Path (Split-Path $PSScriptRoot) 'RedisClusterOps.psd1'
    if (Get-Module RedisClusterOps) { return }
    $module = if (Test-Path $beside) { $beside } else { 'RedisClusterOps' }
    Import-Module $module -Global -Verbose:$false
}

function Test-Command([string] $Name) { [bool] (Get-Command $Name -ErrorAction SilentlyContinue) }

# Rejects a file with a secret that other users can read. Windows protects such a file by its folder, or encrypts it.
function Assert-PrivateFile([string] $Path) {
    $mode = (Get-Item $Path).PSObject.Properties['UnixMode']
    if ($mode -and $mode.Value -and $mode.Value.Substring(4) -match '[rw]') {
        throw "Other users can read or write '$Path', which holds a secret. Run: chmod 600 '$Path'"
    }
}

# Gets a secret of Azure Key Vault by the managed identity of the job.
function Get-VaultSecret([string] $VaultName, [string] $Name) {
    foreach ($needed in 'Connect-AzAccount', 'Get-AzKeyVaultSecret') {
        if (-not (Test-Command $needed)) { throw "-VaultName needs $needed, which this PowerShell does not have. Install Az.KeyVault." }
    }
    $null = Connect-AzAccount -Identity
    $secret = Get-AzKeyVaultSecret -VaultName $VaultName -Name $Name
    if (-not $secret) { throw "The vault $VaultName has no secret $Name." }
    $secret.SecretValue
}

# Gets the login: a file of Export-Clixml, a secret of a vault, or a credential of Azure Automation. Null if the cluster needs none.
function Get-RunbookCredential([string] $Path, [string] $Name, [string] $VaultName, [string] $UserName) {
    if ($Path) {
        Assert-PrivateFile $Path
        $login = Import-Clixml $Path
        if ($login -isnot [pscredential]) { throw "'$Path' holds no credential. Create it with: Get-Credential | Export-Clixml '$Path'" }
        return $login
    }
    if ($VaultName -and $Name) { return New-Object pscredential $UserName, (Get-VaultSecret $VaultName $Name) }
    if (-not $Name) { return }
    if (-not (Test-Command Get-AutomationPSCredential)) {
        throw "-LoginName is for Azure Automation. Elsewhere, use -LoginPath, or -VaultName with -LoginName."
    }
    $login = Get-AutomationPSCredential -Name $Name
    if (-not $login) { throw "The Automation account has no credential $Name." }
    $login
}

# Gets an address that is a secret: from the first line of a file, a vault, or an encrypted variable of Azure Automation.
function Get-RunbookAddress([string] $Path, [string] $Name, [string] $VaultName) {
    $text = $null
    if ($Path) {
        Assert-PrivateFile $Path
        $text = Get-Content $Path -TotalCount 1
    }
    elseif ($VaultName -and $Name) {
        $text = (New-Object Net.NetworkCredential '', (Get-VaultSecret $VaultName $Name)).Password
    }
    elseif ($Name) {
        if (-not (Test-Command Get-AutomationVariable)) { throw '-WebhookName is for Azure Automation. Elsewhere, use -WebhookPath.' }
        $text = Get-AutomationVariable -Name $Name
    }
    else { return }
    $address = $null
    $isAddress = [uri]::TryCreate("$text".Trim(), [UriKind]::Absolute, [ref] $address)
    # The address is a secret, so no message contains it.
    if (-not $isAddress -or ($address.Scheme -ne 'https' -and -not $address.IsLoopback)) { throw 'The webhook is not an https address.' }
    $address
}

# Connects, and makes the cluster the current one of this runspace.
function Connect-RunbookCluster([string] $Cluster, [pscredential] $Credential, [string] $CaCertificatePath) {
    $options = @{ Endpoint = $Cluster }
    if ($Credential) { $options.Credential = $Credential }
    if ($CaCertificatePath) { $options.CaCertificatePath = $CaCertificatePath }
    # The output of a job is what it found, not that it connected.
    $null = Connect-RedisCluster @options 6> $null
}

# The first address of a cluster, without a user, a password or settings.
function Get-ClusterLabel([string] $Cluster) { (($Cluster -replace '^\w+://', '' -replace '^.*@', '') -split '[,/]')[0] }

# A file in the user's data folder that belongs to one cluster and one runbook.
function Get-RunbookFile([string] $Purpose, [string] $Cluster) {
    $data = [Environment]::GetFolderPath('LocalApplicationData')
    if (-not $data) { throw 'This account has no folder for data. Specify the path.' }
    $folder = Join-Path (Join-Path $data 'RedisClusterOps') 'runbooks'
    $null = New-Item $folder -ItemType Directory -Force
    Join-Path $folder (($Purpose + '-' + (Get-ClusterLabel $Cluster) + '.json') -replace '[^\w.-]', '-')
}

# The full path of a file, which need not exist.
function Get-FullPath([string] $Path) { $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path) }

# Writes a file as a whole: an interrupted job leaves the old one.
function Write-RunbookFile([string] $Path, $Value) {
    [IO.File]::WriteAllText("$Path.new", (ConvertTo-Json -InputObject $Value -Depth 6))
    Move-Item -LiteralPath "$Path.new" -Destination $Path -Force
}

function Read-RunbookFile([string] $Path) {
    if (-not (Test-Path -LiteralPath $Path)) { return }
    try { Get-Content -LiteralPath $Path -Raw | ConvertFrom-Json }
    catch { Write-Warning "'$Path' can't be read and is ignored: $_" }
}

# The id of an error of this module, and its text. Any other error has only its text.
function Get-ErrorText([Management.Automation.ErrorRecord] $Failure) {
    $id = "$($Failure.FullyQualifiedErrorId)".Split(',')
    if ($id.Count -gt 1 -and $id[1] -match 'Redis') { "$($id[0]): $Failure" } else { "$Failure" }
}

# A job of Azure Automation fails by an exception; a process of a scheduler by its exit code.
function Test-EndByThrow([switch] $Throw) { $Throw -or (Test-Command Get-AutomationPSCredential) }
