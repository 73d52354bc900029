using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Addresses;

/// <summary>Diagnosis, completion, undo and rebalance work with every kind of address that nodes announce.</summary>
public sealed partial class AddressTests(
    AddressClusters clusters, CmdletShell shell) : IClassFixture<AddressClusters>, IClassFixture<CmdletShell>
{
    private const int Keys = 20;

    public static TheoryData<string, string> Cases =>
        [.. AddressClusters.Cases.Select(one => new TheoryDataRow<string, string>(one.Kind, one.Server))];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Slots_are_diagnosed_completed_undone_and_rebalanced(string name, string server)
    {
        var kind = AddressKind.All[name];
        Assert.SkipUnless(kind.IsPossible, "This machine has no IPv6.");
        var cluster = await clusters.Of(name, server);
        foreach (var slot in new[] { 100, 101, 102, 103 })
            await cluster.Wedge().WedgeAsync(slot: slot, keys: Keys, moved: 5);
        var seed = new NodeEndpoint(kind.Seed, cluster.Node(0).Endpoint.Port);
        var map = kind.Map(cluster);
        var session = new RedisClusterSession([seed], cluster.Connection, map);
        var migrates = new List<string>();
        using var core = new RedisCluster(
            session, new HookedConnector(new NodeConnector(session.Options), Note), null)
        { KeepsJournal = false };
        var options = new MoveOptions();

        // Each node is shown with its announced address.
        var nodes = await core.GetNodesAsync(default);
        Assert.All(nodes, node => Assert.Equal((kind.Announced, null), (node.Host, node.Trouble)));
        Assert.Equal(cluster.Endpoints.Select(node => node.Port).Order(), nodes.Select(node => node.Port).Order());
        Assert.Equal(
            [FindingCode.SlotOpen],
            (await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings.Select(finding => finding.Code).Distinct());
        var open = await core.GetOpenSlotsAsync(null, default);
        Assert.Equal([100, 101, 102, 103], open.Select(slot => slot.Slot));
        Assert.All(open, slot => Assert.Equal((15L, 5L), (slot.KeysOnSource, slot.KeysOnTarget)));

        // The target is named as in CLUSTER NODES: an IPv6 address without brackets.
        var source = new NodeEndpoint(kind.Announced, cluster.Node(0).Endpoint.Port).ToString();
        var target = kind.Announced + ":" + cluster.Node(1).Endpoint.Port.ToString(CultureInfo.InvariantCulture);
        var completed = await core.CarryOutAsync(await core.PlanCompletionAsync(100, source, target, options, default), default);
        Assert.Equal((15L, null), (completed.Result.KeysMoved, completed.Failure));
        Assert.Equal(source, completed.Result.Source);

        var entries = string.Join("; ", map.Select(pair => $"'{pair.Key}' = '{pair.Value}'"));
        var connect = "$null = Connect-RedisCluster '" + seed + "' -AddressMap @{ " + entries + " }; ";
        var shown = await shell.RunAsync(connect + "Complete-RedisSlotMigration 101 -WhatIf");
        await ByHandAsync(cluster, kind, shown.AssertClean().Screen);
        var byCmdlet = await shell.RunAsync(connect + "(Complete-RedisSlotMigration 102).Outcome");
        Assert.Equal(["Completed"], byCmdlet.AssertClean().Lines);

        // The client library connects by the map, too.
        var felt = await shell.RunAsync(connect + CmdletShell.MeasureClient);
        var line = Assert.Single(felt.AssertClean().Lines);
        if (kind.HidesHosts)
            Assert.Matches(@"^\d+ 0 True The server redirected to an endpoint ", line);
        else
            Assert.Equal("0 0 True", line);

        var undone = await core.CarryOutAsync(
            await core.PlanUndoAsync(103, null, null, UndoStrategy.RoundTrip, false, options, default), default);
        Assert.Null(undone.Failure);
        Assert.Equal(MigrationOutcome.RolledBack, undone.Result.Outcome);

        var plan = await core.PlanRebalanceAsync(new RebalanceOptions { Threshold = 0 }, options, default);
        Assert.Equal(17, Assert.Single(plan.Moves).SlotCount);
        Assert.All(await MoveRuns.CarryOutAsync(core, plan, options), moved => Assert.Null(moved.Failure));
        Assert.Empty((await core.TestAsync(new HealthOptions { Deep = true }, default)).Findings);
        foreach (var slot in new[] { 100, 101, 102, 103 })
            Assert.Equal(new Lab.ReadBack(Keys, 0, 0, 0), await cluster.Wedge().ReadBackAsync(slot, Keys));

        Assert.NotEmpty(migrates);
        Assert.All(migrates, host => Assert.Equal(kind.Announced, host));

        Task Note(NodeEndpoint node, IReadOnlyList<RespCommand> commands)
        {
            Assert.True(node.Host == kind.Host || node == seed, "Connected to " + node + ".");
            var sent = commands.Where(command => command.ToString().StartsWith("MIGRATE ", System.StringComparison.Ordinal));
            lock (migrates)
                migrates.AddRange(sent.Select(command => Encoding.ASCII.GetString(command.Arguments[1])));
            return Task.CompletedTask;
        }
    }

    // The commands that -WhatIf shows can be typed by hand: each on its node, with the names of the keys inserted.
    private static async Task ByHandAsync(TestCluster cluster, AddressKind kind, string shown)
    {
        var lines = PlannedLine().Matches(shown);
        Assert.Equal(3, lines.Count);
        foreach (Match line in lines)
        {
            Assert.True(NodeEndpoint.TryParse(line.Groups[1].Value, out var endpoint));
            Assert.Equal(kind.Announced, endpoint.Host);
            var node = cluster.Nodes.Single(node => node.Endpoint.Port == endpoint.Port);
            var words = line.Groups[2].Value.Trim();
            var keys = words.IndexOf('<', System.StringComparison.Ordinal);
            var text = words[..(keys < 0 ? words.Length : keys)];
            object[] command = [.. text.Split(' ', System.StringSplitOptions.RemoveEmptyEntries).Select(word => word.Trim('"'))];
            if (keys >= 0)
                command = [.. command, .. (await node.SendAsync("CLUSTER", "GETKEYSINSLOT", 101, Keys)).Items.Select(key => key.Bytes)];
            Assert.Equal("OK", (await node.SendAsync(command)).Text);
        }
    }

    [GeneratedRegex(@"^ *[0-9]+\. (\S+:[0-9]+) +([A-Z].*)$", RegexOptions.Multiline)]
    private static partial Regex PlannedLine();
}
