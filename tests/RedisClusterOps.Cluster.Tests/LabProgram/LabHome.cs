using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using CliWrap;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.LabProgram;

/// <summary>Runs the lab as a user does, as a process, with a data folder and a temporary folder of its own.</summary>
internal sealed class LabHome : IDisposable
{
    private static readonly string[] ServerPrograms = ["redis-server", "valkey-server"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-home-");
    private readonly string _path;

    /// <param name="server">The server that is on PATH; null for none, so that the lab takes Garnet.</param>
    public LabHome(string? server = Servers.Redis70)
    {
        Directory.CreateDirectory(Temporary);
        Directory.CreateDirectory(Data);
        var others = Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
            .Where(folder => !ServerPrograms.Any(program => File.Exists(Path.Combine(folder, program))));
        string[] own = server is null ? [] : [Path.GetDirectoryName(Servers.Get(server).Path)!];
        _path = string.Join(Path.PathSeparator, [.. own, .. others]);
    }

    private string Temporary => Path.Combine(_folder.FullName, "tmp");

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <summary>Starts the lab; standard input is empty.</summary>
    public LabProcess Start(params string[] arguments) => new(Command(arguments));

    /// <summary>Runs the lab to its end; standard input is empty.</summary>
    public Task<LabRun> RunAsync(params string[] arguments) => Start(arguments).EndAsync();

    /// <summary>Runs the lab to its end with this standard input.</summary>
    public Task<LabRun> RunWithInputAsync(string input, params string[] arguments) =>
        new LabProcess(Command(arguments).WithStandardInputPipe(PipeSource.FromString(input))).EndAsync();

    /// <summary>The ids of servers whose working folder is, or was, in the temporary folder.</summary>
    public IReadOnlyList<int> RunningServers() => [.. Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), out var id) ? id : 0)
        .Where(id => id > 0 && WorkingFolderOf(id).StartsWith(Temporary, StringComparison.Ordinal))];

    public void AssertNothingLeft()
    {
        Assert.Empty(RunningServers());
        Assert.Empty(Directory.EnumerateFileSystemEntries(Temporary, LabRecord.FolderPrefix + "*"));
        Assert.Empty(Directory.EnumerateFiles(Data, LabRecord.FolderPrefix + "*", SearchOption.AllDirectories));
    }

    public void Dispose()
    {
        foreach (var left in RunningServers())
            Process.GetProcessById(left).Kill();
        _folder.Delete(recursive: true);
    }

    private Command Command(string[] arguments)
    {
        string[] lab = [Path.Combine(AppContext.BaseDirectory, "RedisClusterOps.Lab.dll"), .. arguments];
        // A shell's background process ignores SIGINT, and so do its children. env restores the default.
        var command = OperatingSystem.IsLinux()
            ? Cli.Wrap("env").WithArguments(["--default-signal=INT", "dotnet", .. lab])
            : Cli.Wrap("dotnet").WithArguments(lab);
        return command
            .WithWorkingDirectory(AppContext.BaseDirectory)
            .WithValidation(CommandResultValidation.None)
            .WithEnvironmentVariables(variables => variables.Set("PATH", _path).Set("XDG_DATA_HOME", Data).Set("TMPDIR", Temporary));
    }

    private static string WorkingFolderOf(int id)
    {
        try
        {
            return new FileInfo("/proc/" + id + "/cwd").LinkTarget ?? string.Empty;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }
}

/// <summary>The result of a run of the lab.</summary>
internal sealed record LabRun(int ExitCode, string Output, string Errors)
{
    /// <summary>Every line of standard output as JSON.</summary>
    public IReadOnlyList<JsonElement> Objects() =>
        [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    public LabRun AssertEnded(int exitCode)
    {
        var all = Output + "--- standard error\n" + Errors;
        Assert.True(exitCode == ExitCode, "It ended with " + ExitCode + ", not " + exitCode + ".\n" + all);
        return this;
    }

    /// <summary>Refused: exit status 2, no output, and one line on standard error with the problem and the next command.</summary>
    public void AssertRefused(string problem, string next)
    {
        AssertEnded(2);
        Assert.Equal(string.Empty, Output);
        var line = Assert.Single(Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error: " + problem, line);
        Assert.EndsWith(next, line);
    }
}

/// <summary>A running lab program.</summary>
internal sealed class LabProcess
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private readonly CancellationToken _patience = new CancellationTokenSource(Patience).Token;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly CommandTask<CommandResult> _run;

    public LabProcess(Command command) => _run = command
        .WithStandardOutputPipe(PipeTarget.ToDelegate(line => Append(_output, line)))
        .WithStandardErrorPipe(PipeTarget.ToDelegate(line => Append(_errors, line)))
        .ExecuteAsync(_patience);

    /// <summary>Sends a signal, as <c>kill</c> does.</summary>
    public void Signal(PosixSignal signal) => Send(signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGINT => 2,
        PosixSignal.SIGTERM => 15,
        _ => throw new ArgumentOutOfRangeException(nameof(signal)),
    });

    /// <summary>SIGKILL.</summary>
    public void Kill() => Send(9);

    /// <summary>Waits until standard output holds this text, and returns the output so far.</summary>
    public async Task<string> OutputAsync(string text)
    {
        while (true)
        {
            var ended = _run.Task.IsCompleted;
            var output = Text(_output);
            if (output.Contains(text, StringComparison.Ordinal))
                return output;
            Assert.False(ended || _patience.IsCancellationRequested, "'" + text + "' was never written, but: " + output + Text(_errors));
            await Task.Delay(10);
        }
    }

    public async Task<LabRun> EndAsync()
    {
        try
        {
            return new LabRun((await _run).ExitCode, Text(_output), Text(_errors));
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException("The lab did not end within " + Patience + ". It wrote: " + Text(_output) + Text(_errors));
        }
    }

    private static void Append(StringBuilder text, string line)
    {
        lock (text)
            text.Append(line).Append('\n');
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    private void Send(int signal) => Assert.Equal(0, SendSignal(_run.ProcessId, signal));

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int pid, int signal);
}
