# Runs scripts for CmdletShell.cs, one after the other, each in its own scope, in one runspace with the module and the real host.
# A script is one JSON string on a line of the pipe; the line "stop" stops the running script as Ctrl+C does.
# Standard output holds what the host shows, then one line that begins with the mark: the result as JSON.
[CmdletBinding()]
param([string] $Module, [string] $PipeName, [string] $Mark)

$pipe = [IO.Pipes.NamedPipeClientStream]::new('.', $PipeName, 'In', 'Asynchronous')
$pipe.Connect(60000)
$reader = [IO.StreamReader]::new($pipe)
$initial = [initialsessionstate]::CreateDefault2()
$initial.ImportPSModule($Module)
$runspace = [runspacefactory]::CreateRunspace($Host, $initial)
$runspace.Open()
$next = $reader.ReadLineAsync()

while ($null -ne ($line = $next.GetAwaiter().GetResult())) {
    $next = $reader.ReadLineAsync()
    # The script that it was meant for has ended.
    if ($line -eq 'stop') { continue }

    $shell = [powershell]::Create($runspace)
    $null = $shell.AddScript((ConvertFrom-Json $line), $true)
    $output = [Management.Automation.PSDataCollection[psobject]]::new()
    $running = $shell.BeginInvoke([Management.Automation.PSDataCollection[psobject]]::new(), $output)
    while (-not $running.AsyncWaitHandle.WaitOne(20)) {
        if ($next.IsCompleted -and $next.Result -eq 'stop') {
            $next = $reader.ReadLineAsync()
            $null = $shell.BeginStop($null, $null)
        }
    }

    $failures = [Collections.Generic.List[object]]::new($shell.Streams.Error)
    try { $null = $shell.EndInvoke($running) }
    catch [Management.Automation.PipelineStoppedException] { Write-Debug 'Stopped on request.' }
    catch {
        $cause = $_.Exception.InnerException
        $failure = if ($cause -is [Management.Automation.IContainsErrorRecord]) { $cause.ErrorRecord } else { $_ }
        if (-not $failures.Contains($failure)) { $failures.Add($failure) }
    }

    $result = @{
        State = "$($shell.InvocationStateInfo.State)"
        Output = @($output)
        Errors = @($failures | ForEach-Object {
                @{
                    Id = $_.FullyQualifiedErrorId
                    Message = $_.Exception.Message
                    Action = "$($_.ErrorDetails.RecommendedAction)"
                    Target = "$($_.TargetObject)"
                    Category = "$($_.CategoryInfo.Category)"
                    Shown = $_ | Out-String -Width 200
                }
            })
        Warnings = @($shell.Streams.Warning | ForEach-Object Message)
        Verbose = @($shell.Streams.Verbose | ForEach-Object Message)
        Debug = @($shell.Streams.Debug | ForEach-Object Message)
    }
    [Console]::Out.WriteLine($Mark + ($result | ConvertTo-Json -Compress -Depth 6 -EnumsAsStrings -WarningAction SilentlyContinue))
    $shell.Dispose()
    # The next script begins without a current cluster.
    $null = [powershell]::Create($runspace).AddCommand('Disconnect-RedisCluster').Invoke()
}
