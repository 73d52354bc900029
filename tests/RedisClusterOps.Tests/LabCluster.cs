using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Tests;

/// <summary>A real cluster of four masters, the last without slots, started and ended through <c>rco lab</c> as a user would.</summary>
public sealed class LabCluster : IAsyncLifetime
{
    private readonly DirectoryInfo _own = Directory.CreateTempSubdirectory("redisclusterops-tests-");

    /// <summary><c>host:port</c> of each master.</summary>
    public IReadOnlyList<string> Nodes { get; private set; } = [];

    /// <summary>The first of them.</summary>
    public string Entry => Nodes[0];

    public async ValueTask InitializeAsync()
    {
        var lines = await RunAsync("up", "--json");
        Nodes = [.. lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("Endpoint").GetString()!)];
    }

    public async ValueTask DisposeAsync()
    {
        await RunAsync("down");
        _own.Delete(recursive: true);
    }

    /// <summary>Leaves a slot in the middle of its migration, keys written to its owner and some of them moved.</summary>
    public Task WedgeAsync(int slot, int keys, int moved) => RunAsync(
        "wedge", "--json", "--slot", Text(slot), "--keys", Text(keys), "--moved", Text(moved));

    /// <summary>Folder with a server that the tests can run. A server that is not there fails the run: a skipped proof proves nothing.</summary>
    public static string ServerFolder()
    {
        var cache = Environment.GetEnvironmentVariable("RCO_SERVERS")
            ?? Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "redisclusterops", "servers");
        var folder = Path.Combine(cache, "redis-7.0");
        return File.Exists(Path.Combine(folder, "redis-server"))
            ? folder
            : throw new InvalidOperationException("There is no redis-server in " + folder + ". Run tests/servers/get first.");
    }

    private async Task<IReadOnlyList<string>> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "rco.dll"), "lab", .. arguments])
            start.ArgumentList.Add(argument);
        start.Environment["PATH"] = ServerFolder() + Path.PathSeparator + start.Environment["PATH"];
        // rco keeps its one running lab on record here; a record of our own leaves the user's lab alone.
        start.Environment["XDG_DATA_HOME"] = _own.FullName;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : throw new InvalidOperationException("rco lab " + string.Join(' ', arguments) + " failed: " + await error + output);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>One cluster for all that need one; each test uses a slot of its own.</summary>
[CollectionDefinition(nameof(LabCluster), DisableParallelization = true)]
public sealed class SharedLab : ICollectionFixture<LabCluster>;
