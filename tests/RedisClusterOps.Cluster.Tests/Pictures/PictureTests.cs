using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Reports;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Pictures;

/// <summary>A cluster with an open slot and one without an owner. It runs Valkey, because Redis always resolves a disputed slot.</summary>
public sealed class PicturedCluster : IAsyncLifetime
{
    internal const int Stuck = 5519;
    internal const int Unowned = 16000;

    internal TestCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await TestCluster.StartAsync(
            Servers.Valkey91,
            with: options => options with { ConfigLines = ["enable-debug-command yes", "cluster-require-full-coverage no"] });
        await Cluster.Wedge().WedgeAsync(Cluster.Node(3).Endpoint, Stuck, 9, 3);
        // A node may learn the owner again from one that still has it; repeat until no node has.
        await HoldsAsync(async () =>
        {
            foreach (var node in Cluster.Nodes)
                await node.AskAsync("CLUSTER", "DELSLOTS", Unowned);
            var views = await Task.WhenAll(Cluster.Nodes.Select(TestCluster.ViewOfAsync));
            return views.All(view => !view.Any(line => line.Slots.Contains(Unowned)));
        });
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    internal static async Task HoldsAsync(Func<Task<bool>> holds)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!await holds())
        {
            Assert.True(DateTime.UtcNow < until, "The cluster did not reach the state that the test needs.");
            await Task.Delay(100);
        }
    }
}

/// <summary>The map and the report of a real cluster with an open, a disputed and an uncovered slot.</summary>
public sealed class PictureTests(PicturedCluster pictured) : IClassFixture<PicturedCluster>
{
    private const int Stuck = PicturedCluster.Stuck;
    private const int Unowned = PicturedCluster.Unowned;
    private const int Disputed = 700;

    private readonly TestCluster _cluster = pictured.Cluster;

    // If a node dropped packets for longer than this takes, it would flag the others as failed.
    [Fact]
    public async Task The_map_and_the_report_show_open_disputed_and_uncovered_slots()
    {
        var (source, other) = (_cluster.Node(0), _cluster.Node(3));
        using var core = Core();
        RedisSlotMap map;
        ClusterReport report;
        await SlotScene.DropBusPacketsAsync(source, true);
        await SlotScene.DropBusPacketsAsync(other, true);
        try
        {
            await other.SendAsync("CLUSTER", "SETSLOT", Disputed, "NODE", other.Id);
            map = await core.GetSlotMapAsync(new ScreenTraits(80, Unicode: false, Color: false), default);
            report = await core.GetReportAsync(new HealthOptions(), new AlertOptions { JournalPath = JournalOfTests.NewFolder() }, default);
        }
        finally
        {
            await SlotScene.DropBusPacketsAsync(source, false);
            await SlotScene.DropBusPacketsAsync(other, false);
        }

        // The dispute has to end before the other tests.
        await PicturedCluster.HoldsAsync(
            async () => (await core.GetSlotMapAsync(new ScreenTraits(80, false, false), default)).DisputedSlots.Count == 0);
        Assert.Equal(
            ("5519", "700", "16000"), (Assert.Single(map.OpenSlots), Assert.Single(map.DisputedSlots), Assert.Single(map.UncoveredSlots)));
        AssertMarked(map.Picture, (Stuck, '*'), (Disputed, '?'), (Unowned, '!'));
        Assert.Contains("* open           1  5519", map.Picture);
        Assert.Contains("? disputed       1  700", map.Picture);
        Assert.Contains("! uncovered      1  16000", map.Picture);
        Assert.All(
            _cluster.Nodes,
            node => Assert.Contains(map.Picture, line => line.Contains(" " + node.Endpoint + " ", StringComparison.Ordinal)));
        var page = ReportPage.Write(report);
        string[] texts =
        [
            "SlotOpen 5519", "SlotOwnerConflict 700", "SlotUncovered 16000", "open: 5519", "disputed: 700", "uncovered: 16000",
            "Complete-RedisSlotMigration -Slot 5519",
        ];
        Assert.All(texts, text => Assert.Contains(text, page));
    }

    [Fact]
    public async Task The_report_shows_current_alerts_with_the_times_of_the_watcher()
    {
        var state = Path.Combine(JournalOfTests.NewFolder(), "state.json");
        var options = new AlertOptions { JournalPath = JournalOfTests.NewFolder() };
        using var core = Core();
        // The uncovered slot is an alert at once. Without a state file it is unknown how long the other slot has been open.
        var page = ReportPage.Write(await core.GetReportAsync(new HealthOptions(), options, default));
        Assert.Contains("SlotUncovered 16000 <span class=\"since\">since at least", page);
        Assert.DoesNotContain("SlotStuck", page);
        Assert.Contains("It is unknown how long 1 open slot has been open", page);

        await core.GetAlertsAsync(options with { StatePath = state }, default);
        var remembered = Regex.Replace(await File.ReadAllTextAsync(state), "(\"first\":\")[^\"]+", "${1}2026-01-02T03:04:05.0000000Z");
        await File.WriteAllTextAsync(state, remembered);
        page = ReportPage.Write(await core.GetReportAsync(new HealthOptions(), options with { StatePath = state }, default));
        Assert.Contains("SlotStuck 5519 <span class=\"since\">since at least <time datetime=\"2026-01-02T03:04:05Z\">", page);
        Assert.DoesNotContain("It is unknown how long", page);
        // Only a watcher writes its memory.
        Assert.Equal(remembered, await File.ReadAllTextAsync(state));
    }

    [Fact]
    public async Task The_report_shows_the_owners_before_and_after_the_last_migration()
    {
        var options = new MoveOptions { JournalPath = JournalOfTests.NewFolder(), Method = MoveMethod.KeyByKey };
        using (var moving = Core())
        {
            var plan = await moving.PlanMoveAsync(new SlotSelection { Slots = [1, 2, 3], Target = _cluster.Node(1).Id }, options, default);
            Assert.All(await MoveRuns.CarryOutAsync(moving, plan, options), moved => Assert.Null(moved.Failure));
        }

        using var core = Core();
        var page = ReportPage.Write(
            await core.GetReportAsync(new HealthOptions(), new AlertOptions { JournalPath = options.JournalPath }, default));
        Assert.Contains("Before and after the last migration", page);
        Assert.Contains(": 3 slots moved", page);
        Assert.Contains(">+3<", page);
        Assert.Contains(">-3<", page);
    }

    private RedisCluster Core() => new(new RedisClusterSession([_cluster.Node(2).Endpoint], _cluster.Connection))
    {
        NextActionText = NextActionText.Of,
    };

    private static void AssertMarked(IReadOnlyList<string> lines, params (int Slot, char Sign)[] marks) =>
        Assert.All(marks, mark => Assert.Equal(mark.Sign, lines[mark.Slot / 1024][6 + mark.Slot % 1024 / 16]));
}
