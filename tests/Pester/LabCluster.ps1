# Real servers for the tests: a cluster of the lab, single servers, and fresh PowerShell processes. Dot-source it.

$script:Repository = (Resolve-Path (Join-Path $PSScriptRoot '../..')).Path

# run.ps1 sets the lab program of its build configuration. By default, that of a release build.
$script:LabProgram = $env:RCO_LAB
if (-not $LabProgram) { $script:LabProgram = Join-Path $Repository 'src/RedisClusterOps.Lab/bin/Release/net10.0/RedisClusterOps.Lab.dll' }

# This PowerShell as a program, with the arguments that precede its own: PowerShell as a .NET tool is a dll that dotnet runs.
$script:ShellProgram = (Get-Process -Id $PID).Path
$script:ShellArgument = @(if ([IO.Path]::GetFileNameWithoutExtension($ShellProgram) -eq 'dotnet') { Join-Path $PSHOME 'pwsh.dll' })

# Puts the folder of the test server first on PATH, where the lab and the tests find it.
function Add-ServerPath {
    $servers = $env:RCO_SERVERS
    if (-not $servers) {
        $cache = if ($env:XDG_CACHE_HOME) { $env:XDG_CACHE_HOME } else { Join-Path $HOME '.cache' }
        $servers = Join-Path $cache 'redisclusterops/servers'
    }
    $folder = Join-Path $servers 'redis-7.0'
    $parts = $env:PATH -split [IO.Path]::PathSeparator
    if ((Test-Path $folder) -and $parts -notcontains $folder) {
        $env:PATH = $folder + [IO.Path]::PathSeparator + $env:PATH
    }
}

function Invoke-Lab {
    $output = & dotnet $script:LabProgram @args 2>&1
    if ($LASTEXITCODE -ne 0) { throw "The lab's $args failed: $($output -join [Environment]::NewLine)" }
    $output | Where-Object { $_ -is [string] -and $_.StartsWith('{') } | ForEach-Object { ConvertFrom-Json $_ }
}

# Starts four masters, the last without slots; returns their host:port.
function Enter-Lab {
    Add-ServerPath
    # The lab records its cluster in the user's data folder. A separate folder leaves the user's own lab untouched.
    $script:DataHome = $env:XDG_DATA_HOME
    $script:LabData = Join-Path ([IO.Path]::GetTempPath()) "redisclusterops-pester-$PID"
    $null = New-Item -ItemType Directory $script:LabData -Force
    $env:XDG_DATA_HOME = $script:LabData
    $script:LabNodes = Invoke-Lab up --json | ForEach-Object Endpoint
    $script:LabNodes
}

function Exit-Lab {
    Invoke-Lab down
    $env:XDG_DATA_HOME = $script:DataHome
    Remove-Item $script:LabData -Recurse -Force
}

# Stops the migration of a slot half-way, as `lab wedge` does. In this process, because a program takes a second to start.
# The module has to be imported before: the lab then uses the module's core, not its own copy.
function Invoke-Wedge([int] $Slot, [int] $Key = 30, [int] $Moved = 10) {
    $type = [Reflection.Assembly]::LoadFrom($script:LabProgram).GetType('RedisClusterOps.Lab.LabWedge', $true)
    $constructor = $type.GetConstructors()[0]
    $connection = [Activator]::CreateInstance($constructor.GetParameters()[0].ParameterType, $true)
    $endpoints = foreach ($node in $script:LabNodes) { [RedisClusterOps.NodeEndpoint]::new($node.Split(':')[0], $node.Split(':')[1]) }
    $wedge = $constructor.Invoke(@($connection, [RedisClusterOps.NodeEndpoint[]] $endpoints))
    $wedging = $type.GetMethod('WedgeAsync').Invoke($wedge, @($null, $Slot, $Key, $Moved, [Threading.CancellationToken]::None))
    $null = $wedging.GetAwaiter().GetResult()
}

# The functions below query the servers directly, so that the module's own output is not the only evidence.

# Counts each node's calls of the commands that move keys or slots. Equal results prove that nothing was written in between.
function Get-WriteCount([string[]] $Node) {
    foreach ($one in $Node) {
        $statistics = redis-cli -p $one.Split(':')[1] INFO commandstats
        $counts = $statistics -match '^cmdstat_(cluster\|setslot|migrate|restore|set|del)[^:]*:' -replace ',.*'
        "$one $counts"
    }
}

function Get-KeyCount([string] $Node, [int] $Slot) { [int] (redis-cli -p $Node.Split(':')[1] CLUSTER COUNTKEYSINSLOT $Slot) }

# The nodes that show a slot as open.
function Get-OpenNode([string[]] $Node, [int] $Slot) {
    $Node | Where-Object { "$(redis-cli -p $_.Split(':')[1] CLUSTER NODES)".Contains("[$Slot-") }
}

# Starts one redis-server that is part of no lab; returns its process and endpoint.
function Enter-Server([string[]] $Setting) {
    $folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
    $null = New-Item -ItemType Directory $folder
    foreach ($attempt in 1..20) {
        # The bus port is 10000 higher. Both must be below the ephemeral range.
        $port = Get-Random -Minimum 13000 -Maximum 22000
        $arguments = @('--port', $port, '--bind', '127.0.0.1', '--save', '""', '--dir', $folder) + $Setting
        $process = Start-Process redis-server -ArgumentList $arguments -PassThru -RedirectStandardOutput (Join-Path $folder 'log')
        foreach ($check in 1..50) {
            Start-Sleep -Milliseconds 100
            if ($process.HasExited) { break }
            if ((Get-Content (Join-Path $folder 'log') -Raw) -match 'Ready to accept connections') {
                return [pscustomobject]@{ Endpoint = "127.0.0.1:$port"; Process = $process; Folder = $folder }
            }
        }
    }
    throw "No redis-server could be started after $attempt attempts. The last one was checked $check times."
}

function Exit-Server($Server) {
    Stop-Process -Id $Server.Process.Id -Force
    $Server.Process.WaitForExit()
    Remove-Item $Server.Folder -Recurse -Force
}

# Runs a script in a new PowerShell of the same edition and returns its screen output.
function Invoke-FreshPowerShell([string] $Script, [string[]] $Switch = @()) {
    $module = Join-Path $script:Repository 'out/RedisClusterOps'
    $full = "Import-Module '$module'; " + $Script
    & $script:ShellProgram @script:ShellArgument -NoProfile @Switch -Command $full 2>&1 | Out-String -Width 400
}
