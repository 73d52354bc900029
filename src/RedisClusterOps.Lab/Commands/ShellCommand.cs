using System;
using System.CommandLine;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Journal;

namespace RedisClusterOps.Lab.Commands;

/// <summary><c>shell</c>: PowerShell with the module imported and connected to the running lab.</summary>
internal static class ShellCommand
{
    public static Command Create(LabCommandLine line)
    {
        var command = new Command(
            "shell",
            "Open PowerShell, connected to the running lab. Standard input that is not a terminal runs as a script. "
            + "The exit status is PowerShell's.");
        command.SetAction((_, stop) => RunAsync(line, stop));
        return command;
    }

    private static async Task<int> RunAsync(LabCommandLine line, CancellationToken stop)
    {
        var lab = LabCommandLine.RunningLab();
        var module = RepositoryFolder.BuiltModule();
        var powershell = await line.FindPowerShellAsync(stop);
        var script = Console.IsInputRedirected ? await Console.In.ReadToEndAsync(stop) : null;
        // Ctrl+C goes to every process of the terminal. It has to stop the cmdlet, and neither this process nor the lab.
        line.Interruption.LeaveCtrlCToChild();
        using var shell = Process.Start(StartOf(powershell, lab, module, script))
            ?? throw new LabException("PowerShell could not be started.");
        try
        {
            await shell.WaitForExitAsync(stop);
            return shell.ExitCode;
        }
        catch (OperationCanceledException)
        {
            shell.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static ProcessStartInfo StartOf(PowerShellProgram powershell, LabRecord lab, string module, string? script)
    {
        var entry = lab.Nodes.First(node => node.Process.IsRunning).Endpoint();
        var connect = "Import-Module " + Quoted(module) + " -ErrorAction Stop; $null = Connect-RedisCluster " + entry + "; ";
        var banner = "Connected to the lab, " + lab.Nodes.Count + " nodes of " + lab.Server
            + ". Try: Get-RedisClusterHealth. The lab stays after 'exit'.";
        string[] arguments = script is null
            ? ["-NoLogo", "-NoExit", "-Command", connect + "Write-Host " + Quoted(banner)]
            : ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", Plain() + connect + "\n" + script];
        var start = powershell.Start(OperatingSystem.IsWindows() ? ["-ExecutionPolicy", "Bypass", .. arguments] : arguments);
        // The journal of a disposable cluster goes with the cluster.
        start.Environment[JournalFolder.Variable] = lab.JournalFolder;
        return start;
    }

    private static string Plain() => Console.IsOutputRedirected
        ? "$PSStyle.OutputRendering = 'PlainText'; $ProgressPreference = 'SilentlyContinue'; "
        : string.Empty;

    private static string Quoted(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
}
