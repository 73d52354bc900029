using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.LabProgram;

/// <summary>Runs the lab as a user does, as a process, with a data folder and a temporary folder of its own.</summary>
internal sealed class LabHome : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

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

    /// <summary>Starts the lab with an empty standard input.</summary>
    public ChildProcess Start(params string[] arguments) => ChildProcess.Start(Command(arguments));

    /// <summary>Runs the lab to its end with an empty standard input.</summary>
    public Task<ProcessEnd> RunAsync(params string[] arguments) => ChildProcess.RunAsync(Command(arguments), within: Patience);

    /// <summary>Runs the lab to its end with this standard input.</summary>
    public Task<ProcessEnd> RunWithInputAsync(string input, params string[] arguments) =>
        ChildProcess.RunAsync(Command(arguments), input, Patience);

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

    private ProcessStartInfo Command(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "RedisClusterOps.Lab.dll"), .. arguments])
        {
            WorkingDirectory = AppContext.BaseDirectory,
        };
        start.Environment["PATH"] = _path;
        start.Environment["XDG_DATA_HOME"] = Data;
        start.Environment["TMPDIR"] = Temporary;
        return start;
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

/// <summary>Reads the output of the lab.</summary>
internal static class LabOutput
{
    /// <summary>Every line of standard output as JSON.</summary>
    public static IReadOnlyList<JsonElement> Objects(this ProcessEnd lab) =>
        [.. lab.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>
    /// Asserts exit status 2, no output, and one line on standard error with the problem and the next command.
    /// </summary>
    public static void AssertRefused(this ProcessEnd lab, string problem, string next)
    {
        lab.AssertExited(2);
        Assert.Equal(string.Empty, lab.Output);
        var line = Assert.Single(lab.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("error: " + problem, line);
        Assert.EndsWith(next, line);
    }
}
