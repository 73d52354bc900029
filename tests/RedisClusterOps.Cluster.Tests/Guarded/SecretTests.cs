using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>All that rco does on a guarded cluster, and then a search for the password in everything that was written: what it printed, its journal, plans, reports, saved values, what it watches by.</summary>
public sealed class SecretTests
{
    [Fact]
    public async Task The_password_is_in_nothing_that_is_written()
    {
        using var rco = new RcoHome();
        using var files = new GuardedCluster();
        await using var cluster = await GuardedCluster.StartAsync(Servers.Redis70, Guard.Acl, files);
        var (journal, plans) = (rco.Folder("journal"), rco.Folder("plans"));
        var plan = Path.Combine(plans, "plan.json");
        var (state, report) = (Path.Combine(plans, "state.json"), Path.Combine(plans, "report.html"));
        var password = rco.File("password", GuardedCluster.Password + "\n");
        var target = cluster.Node(1).Endpoint.ToString();
        await cluster.Wedge().WedgeAsync(slot: 100, keys: 6, moved: 2);
        await cluster.Wedge().WedgeAsync(slot: 101, keys: 6, moved: 2);
        // A key that differs on both sides, so that a value is saved.
        await cluster.Wedge().WedgeAsync(slot: 102, keys: 6, moved: 2);
        await new Faults.MovingSlot(cluster, 102).OnTargetAsync("SET", Lab.LabWedge.KeysOf(102, 1)[0], "another");

        var written = new List<(string Command, RcoRun Run)>();
        foreach (var command in new[]
        {
            "check --deep", "nodes --json", "open-slots", "open-slots --json", "complete --slot 100 --what-if", "complete --slot 100 --json", "undo --slot 101", "complete --slot 102",
            "complete --slot 102 --on-key-conflict KeepSource", "start --slot 103 --target " + target, "restart --slot 103 --json", "repair --slot 103", "plan --threshold 0 --out-file " + plan, "plan --json --threshold 0",
            "rebalance --plan-file " + plan, "move --slot 104 --target " + target, "migrations", "migrations --json", "complete --slot 16384", "complete --slot 105",
            "check --json", "undo --slot 101 --what-if --json", "plan --threshold 0", "map", "map --json", "links --json", "alerts --state-path " + state, "alerts --json", "report --deep --json --path " + report,
        })
            written.Add((command, await RunAsync(rco, [.. command.Split(' '), "--password-file", password], journal, cluster)));

        // And where it is not let in: no user, another one, a user that has no right.
        rco.Environment["REDISCLI_AUTH"] = GuardedCluster.Password;
        foreach (var user in new[] { "nobody", "default" })
            written.Add((user, await rco.RunAsync("nodes", "--user", user, "--cluster", cluster.Node(0).Endpoint.ToString())));
        await cluster.Node(0).SendAsync("ACL", "SETUSER", "guest", "on", ">" + GuardedCluster.Password, "+cluster|nodes");
        written.Add(("guest", await rco.RunAsync("complete", "--slot", "100", "--user", "guest", "--journal-path", journal, "--cluster", cluster.Node(0).Endpoint.ToString())));

        Assert.Contains(written, run => run.Run.Output.Contains("AUTH2 *** ***", StringComparison.Ordinal));
        Assert.All(written, run => AssertFree(run.Command, Encoding.UTF8.GetBytes(run.Run.ToString())));
        var paths = Directory.GetFiles(journal, "*", SearchOption.AllDirectories).Concat(Directory.GetFiles(plans)).ToList();
        Assert.Contains(paths, path => path.EndsWith(".jsonl", StringComparison.Ordinal));
        Assert.Contains(paths, path => path.Contains("conflicts", StringComparison.Ordinal));
        Assert.All([plan, state, report], path => Assert.Contains(path, paths));
        Assert.All(paths, path => AssertFree(path, File.ReadAllBytes(path)));
        if (OperatingSystem.IsWindows())
            return;
        foreach (var path in paths.Where(path => path == state || path.StartsWith(journal, StringComparison.Ordinal)))
            Assert.Equal((path, UnixFileMode.UserRead | UnixFileMode.UserWrite), (path, File.GetUnixFileMode(path)));
    }

    // In every shape that text takes on its way: as it is, as JSON and URLs write it, as base64 in each of its phases.
    private static void AssertFree(string where, byte[] bytes)
    {
        var plain = Encoding.UTF8.GetBytes(GuardedCluster.Password);
        var shapes = new List<byte[]> { plain, Encoding.Unicode.GetBytes(GuardedCluster.Password), Encoding.ASCII.GetBytes(Uri.EscapeDataString(GuardedCluster.Password)), Encoding.ASCII.GetBytes(System.Text.Json.JsonSerializer.Serialize(GuardedCluster.Password).Trim('"')) };
        shapes.Add(Encoding.ASCII.GetBytes(System.Net.WebUtility.HtmlEncode(GuardedCluster.Password)));
        for (var phase = 0; phase < 3; phase++)
            shapes.Add(Encoding.ASCII.GetBytes(Convert.ToBase64String([.. new byte[phase], .. plain])[4..^4]));
        Assert.All(shapes, shape => Assert.False(bytes.AsSpan().IndexOf(shape) >= 0, "The password is in " + where + "."));
    }

    private static Task<RcoRun> RunAsync(RcoHome rco, string[] arguments, string journal, TestCluster cluster) => rco.RunAsync(
    [
        .. arguments, "--user", GuardedCluster.User, "--cluster", cluster.Node(0).Endpoint.ToString(),
        .. arguments[0] is "check" or "nodes" or "open-slots" or "plan" or "map" or "links" ? Array.Empty<string>() : ["--journal-path", journal],
    ]);
}
