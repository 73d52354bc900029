using System;
using System.Diagnostics;
using System.IO;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Conflicts;

/// <summary>A folder for overwritten values, and a shell that runs the command that restores one.</summary>
internal sealed class SavedValueFile : IDisposable
{
    public string Folder { get; } = Path.Combine(Directory.CreateTempSubdirectory("redisclusterops-conflicts-").FullName, "journal");

    /// <summary>The folder of the overwritten values in the journal folder.</summary>
    public string Conflicts => Path.Combine(Folder, "conflicts");

    public string[] Saved => Directory.Exists(Conflicts) ? Directory.GetFiles(Conflicts) : [];

    /// <summary>Runs the command in the text unchanged, with the real redis-cli on PATH.</summary>
    /// <returns>The output.</returns>
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
