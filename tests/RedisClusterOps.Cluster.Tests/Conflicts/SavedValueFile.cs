using System;
using System.Diagnostics;
using System.IO;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Conflicts;

/// <summary>A folder for losing values, and the shell that runs the command that brings one back.</summary>
internal sealed class SavedValueFile : IDisposable
{
    public string Folder { get; } = Path.Combine(Directory.CreateTempSubdirectory("redisclusterops-conflicts-").FullName, "journal");

    /// <summary>Where the losing values go, inside the journal's folder.</summary>
    public string Conflicts => Path.Combine(Folder, "conflicts");

    public string[] Saved => Directory.Exists(Conflicts) ? Directory.GetFiles(Conflicts) : [];

    /// <summary>Runs the command exactly as the text gives it, with the real redis-cli on PATH.</summary>
    /// <returns>What it printed.</returns>
    public static async Task<string> RestoreAsync(string text)
    {
        var command = Regex.Match(text, "To put it back: (redis-cli .*? < \"[^\"]*\")", RegexOptions.Singleline);
        Assert.True(command.Success, "No command in: " + text);
        var client = Path.GetDirectoryName(Servers.Get(Servers.Redis70).Path)!;
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(command.Groups[1].Value);
        start.Environment["PATH"] = client + Path.PathSeparator + start.Environment["PATH"];
        using var shell = Process.Start(start)!;
        var output = await shell.StandardOutput.ReadToEndAsync() + await shell.StandardError.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, output);
        return output;
    }

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
}
