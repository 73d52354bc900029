using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Pictures;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>A cluster with an open slot and one that nobody owns. Valkey: Redis can't be kept from settling a dispute.</summary>
public sealed class PicturedCluster : IAsyncLifetime
{
    internal const int Stuck = 5519;
    internal const int Unowned = 16000;

    internal TestCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await TestCluster.StartAsync(Servers.Valkey91, with: options => options with { ConfigLines = ["enable-debug-command yes", "cluster-require-full-coverage no"] });
        await Cluster.Wedge().WedgeAsync(Cluster.Node(3).Endpoint, Stuck, 9, 3);
        // Who hears of the owner from one that was not told yet is told again.
        await HoldsAsync(async () =>
        {
            foreach (var node in Cluster.Nodes)
                await node.AskAsync("CLUSTER", "DELSLOTS", Unowned);
            return (await Task.WhenAll(Cluster.Nodes.Select(TestCluster.ViewOfAsync))).All(view => !view.Any(line => line.Slots.Contains(Unowned)));
        });
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    internal static async Task HoldsAsync(Func<Task<bool>> holds)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!await holds())
        {
            Assert.True(DateTime.UtcNow < until, "It does not come to hold.");
            await Task.Delay(100);
        }
    }
}

/// <summary>rco map and rco report of a real cluster that has everything to be seen at once.</summary>
public sealed class PictureTests(PicturedCluster pictured) : IClassFixture<PicturedCluster>, IDisposable
{
    private const int Stuck = PicturedCluster.Stuck;
    private const int Unowned = PicturedCluster.Unowned;
    private const int Disputed = 700;

    private readonly RcoHome _rco = new();
    private readonly TestCluster _cluster = pictured.Cluster;

    public void Dispose() => _rco.Dispose();

    // In this process: a node that is deaf for longer takes the others for dead, and they it.
    [Fact]
    public async Task Open_disputed_and_uncovered_slots_are_seen_in_the_map_and_told_in_the_report()
    {
        var (source, other) = (_cluster.Node(0), _cluster.Node(3));
        using var core = new RedisCluster(new RedisClusterSession([_cluster.Node(2).Endpoint], _cluster.Connection));
        RedisSlotMap map;
        ClusterReport report;
        await SlotScene.DeafAsync(source, true);
        await SlotScene.DeafAsync(other, true);
        try
        {
            await other.SendAsync("CLUSTER", "SETSLOT", Disputed, "NODE", other.Id);
            map = await core.GetSlotMapAsync(new ScreenTraits(80, Unicode: false, Color: false), default);
            report = await core.GetReportAsync(new HealthOptions(), new AlertOptions { JournalPath = _rco.Folder("journal") }, default);
        }
        finally
        {
            await SlotScene.DeafAsync(source, false);
            await SlotScene.DeafAsync(other, false);
        }

        // For the other tests: they hear of each other again, and one gives way.
        await PicturedCluster.HoldsAsync(async () => (await core.GetSlotMapAsync(new ScreenTraits(80, false, false), default)).DisputedSlots.Count == 0);
        Assert.Equal(("5519", "700", "16000"), (Assert.Single(map.OpenSlots), Assert.Single(map.DisputedSlots), Assert.Single(map.UncoveredSlots)));
        AssertMarked(map.Picture, (Stuck, '*'), (Disputed, '?'), (Unowned, '!'));
        Assert.Contains("* open           1  5519", map.Picture);
        Assert.Contains("? disputed       1  700", map.Picture);
        Assert.Contains("! uncovered      1  16000", map.Picture);
        Assert.All(_cluster.Nodes, node => Assert.Contains(map.Picture, line => line.Contains(" " + node.Endpoint + " ", StringComparison.Ordinal)));
        var page = ReportPage.Write(report);
        foreach (var told in new[] { "SlotOpen 5519", "SlotOwnerConflict 700", "SlotUncovered 16000", "open: 5519", "disputed: 700", "uncovered: 16000", "Complete-RedisSlotMigration -Slot 5519" })
            Assert.Contains(told, page);
    }

    [Fact]
    public async Task Rco_shows_the_map_and_writes_the_report()
    {
        AssertMarked((await RunAsync("map", "--width", "80", "--plain-text")).Split('\n'), (Stuck, '*'), (Unowned, '!'));
        var map = JsonDocument.Parse(await RunAsync("map", "--json")).RootElement;
        Assert.Equal("5519", Assert.Single(map.GetProperty("OpenSlots").EnumerateArray()).GetString());
        Assert.Equal(_cluster.Nodes.Count, map.GetProperty("Masters").GetArrayLength());

        var file = Path.Combine(_rco.Folder("pages"), "report.html");
        Assert.Equal(file + "\n", await RunAsync("report", "--path", file));
        Assert.Contains("uncovered: 16000", await File.ReadAllTextAsync(file));
        Assert.Equal(file, JsonDocument.Parse(await RunAsync("report", "--path", file, "--json")).RootElement.GetProperty("FullName").GetString());
        var kept = await _rco.RunAsync("report", "--path", file, "--no-clobber", "--cluster", _cluster.Node(2).Endpoint.ToString());
        kept.AssertEnded(1);
        Assert.StartsWith("error: ReportNotWritten: ", kept.ErrorLines[0]);
    }

    // The watcher's memory says when it first saw the slot; the report reads it, and only the watcher writes it.
    [Fact]
    public async Task The_report_has_the_alerts_of_now_with_what_a_watcher_remembers()
    {
        var (file, state) = (Path.Combine(_rco.Folder("pages"), "report.html"), Path.Combine(_rco.Folder("watch"), "state.json"));
        // Unowned is an alert at once; how long the slot has been stuck nobody knows yet.
        await RunAsync("report", "--path", file);
        var page = await File.ReadAllTextAsync(file);
        Assert.Contains("SlotUncovered 16000 <span class=\"since\">since at least", page);
        Assert.DoesNotContain("SlotStuck", page);
        Assert.Contains("Of 1 open slot neither the journal nor a watcher", page);

        Assert.Equal(1, (await _rco.RunAsync("alerts", "--state-path", state, "--cluster", _cluster.Node(2).Endpoint.ToString())).ExitCode);
        var remembered = Regex.Replace(await File.ReadAllTextAsync(state), "(\"first\":\")[^\"]+", "${1}2026-01-02T03:04:05.0000000Z");
        await File.WriteAllTextAsync(state, remembered);
        await RunAsync("report", "--path", file, "--state-path", state);
        page = await File.ReadAllTextAsync(file);
        Assert.Contains("SlotStuck 5519 <span class=\"since\">since at least <time datetime=\"2026-01-02T03:04:05Z\">", page);
        Assert.DoesNotContain("neither the journal", page);
        Assert.Equal(remembered, await File.ReadAllTextAsync(state));
        await RunAsync("report", "--path", file, "--state-path", state, "--stuck-after", "24d");
        Assert.Equal(DateTime.UtcNow - new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc) > TimeSpan.FromDays(24), (await File.ReadAllTextAsync(file)).Contains("SlotStuck 5519"));

        var missing = await _rco.RunAsync("report", "--path", file, "--state-path", state + "x", "--cluster", _cluster.Node(2).Endpoint.ToString());
        missing.AssertEnded(0);
        Assert.Contains("no watcher has remembered anything there", missing.Errors);
        Assert.False(File.Exists(state + "x"));
    }

    [Fact]
    public async Task The_last_migration_is_told_before_and_after()
    {
        var journal = _rco.Folder("journal");
        (await _rco.RunAsync(
            "move", "--slot", "1", "2", "3", "--target", _cluster.Node(1).Endpoint.ToString(), "--method", "KeyByKey", "--journal-path", journal, "--cluster", _cluster.Node(2).Endpoint.ToString())).AssertEnded(0);
        var file = Path.Combine(_rco.Folder("pages"), "report.html");
        await RunAsync("report", "--path", file, "--journal-path", journal);
        var page = await File.ReadAllTextAsync(file);
        Assert.Contains("Before and after the last migration", page);
        Assert.Contains(": 3 slots moved", page);
        Assert.Contains(">+3<", page);
        Assert.Contains(">-3<", page);
    }

    private async Task<string> RunAsync(params string[] arguments)
    {
        var run = await _rco.RunAsync([.. arguments, "--cluster", _cluster.Node(2).Endpoint.ToString()]);
        run.AssertEnded(0);
        Assert.Equal(string.Empty, run.Errors);
        return run.Output;
    }

    private static void AssertMarked(IReadOnlyList<string> lines, params (int Slot, char Sign)[] marks) =>
        Assert.All(marks, mark => Assert.Equal(mark.Sign, lines[mark.Slot / 1024][6 + mark.Slot % 1024 / 16]));
}
