using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>Runs rco as a user does: a process of its own, here with a data folder and a temporary folder of its own too.</summary>
internal sealed class RcoHome : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-rco-");

    public RcoHome()
    {
        Directory.CreateDirectory(Temporary);
        Directory.CreateDirectory(Data);
        Environment["PATH"] = Path.GetDirectoryName(Servers.Get(Servers.Redis70).Path) + Path.PathSeparator + System.Environment.GetEnvironmentVariable("PATH");
        Environment["XDG_DATA_HOME"] = Data;
        Environment["TMPDIR"] = Temporary;
        Environment["REDISCLI_AUTH"] = null;
        // Its own data folder holds its runs; those of this process are another matter.
        Environment["REDISCLUSTEROPS_JOURNAL"] = null;
    }

    /// <summary>What differs from this process's own; null for a variable that is not to be there.</summary>
    public Dictionary<string, string?> Environment { get; } = [];

    private string Temporary => Path.Combine(_folder.FullName, "tmp");

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <summary>A file with this text.</summary>
    public string File(string name, string text)
    {
        var path = Path.Combine(_folder.FullName, name);
        System.IO.File.WriteAllText(path, text);
        if (!OperatingSystem.IsWindows())
            System.IO.File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    /// <summary>An empty folder.</summary>
    public string Folder(string name) => _folder.CreateSubdirectory(name).FullName;

    public RcoProcess Start(params string[] arguments)
    {
        // A process that a shell put into the background ignores Ctrl+C, and so do its children; env makes that undone.
        var start = OperatingSystem.IsLinux() ? new ProcessStartInfo("env", ["--default-signal=INT", "dotnet"]) : new ProcessStartInfo("dotnet");
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "rco.dll"), .. arguments])
            start.ArgumentList.Add(argument);
        start.WorkingDirectory = AppContext.BaseDirectory;
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        return new RcoProcess(start);
    }

    public async Task<RcoRun> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        return await process.EndAsync();
    }

    /// <summary>It took no longer than a person waits: two seconds, and more on a machine that is busy, as an rco that has nothing to do shows.</summary>
    public async Task AssertSoonAsync(TimeSpan took)
    {
        var clock = Stopwatch.StartNew();
        (await RunAsync("--version")).AssertEnded(0);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(2) + (5 * clock.Elapsed));
    }

    /// <summary>Folders of labs that exist in the temporary folder.</summary>
    public IReadOnlyList<string> LabFolders() => [.. Directory.EnumerateFileSystemEntries(Temporary, LabRecord.FolderPrefix + "*")];

    /// <summary>Records of labs.</summary>
    public IReadOnlyList<string> LabRecords() => [.. Directory.EnumerateFiles(Data, LabRecord.FolderPrefix + "*", SearchOption.AllDirectories)];

    /// <summary>Servers that run in one of those folders, or in one that is deleted already.</summary>
    public IReadOnlyList<int> RunningServers() => [.. Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), out var id) ? id : 0)
        .Where(id => id > 0 && WorkingFolderOf(id).StartsWith(Temporary, StringComparison.Ordinal))];

    public void Dispose()
    {
        foreach (var left in RunningServers())
            System.Diagnostics.Process.GetProcessById(left).Kill();
        _folder.Delete(recursive: true);
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
