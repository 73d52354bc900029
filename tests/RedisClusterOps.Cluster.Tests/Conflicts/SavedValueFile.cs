using System;
using System.Diagnostics;
using System.IO;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Conflicts;

/// <summary>A folder for overwritten values, and the ways to restore one.</summary>
internal sealed class SavedValueFile : IDisposable
{
    public string Folder { get; } = Path.Combine(Directory.CreateTempSubdirectory("redisclusterops-conflicts-").FullName, "journal");

    /// <summary>The folder of the overwritten values in the journal folder.</summary>
    public string Conflicts => Path.Combine(Folder, "conflicts");

    public string[] Saved => Directory.Exists(Conflicts) ? Directory.GetFiles(Conflicts) : [];

    /// <summary>Restores the file that the text names, as Restore-RedisKey does, in place of the key that exists.</summary>
    public async Task<RedisSlotKey> RestoreAsync(MovingSlot slot, string? text)
    {
        using var core = new RedisCluster(slot.Session);
        return await core.RestoreKeyAsync(PathIn(text), replaces: true, Folder, default);
    }

    public static string PathIn(string? text)
    {
        var path = Regex.Match(text ?? string.Empty, @"To put it back: \S+ (?:-Path|node) (/\S+\.resp)");
        return path.Success ? path.Groups[1].Value : throw new FormatException("No file in: " + text);
    }

    /// <summary>Sends the file with the real redis-cli, as where this module is not installed.</summary>
    /// <returns>The output.</returns>
    public static async Task<string> SendAsync(string path, NodeEndpoint node)
    {
        var client = Path.GetDirectoryName(Servers.Get(Servers.Redis70).Path)!;
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"redis-cli -h {node.Host} -p {node.Port} --pipe < \"{path}\"");
        start.Environment["PATH"] = client + Path.PathSeparator + start.Environment["PATH"];
        using var shell = Process.Start(start)!;
        var output = await shell.StandardOutput.ReadToEndAsync() + await shell.StandardError.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, output);
        return output;
    }

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
}
