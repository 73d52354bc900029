using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>
/// The permissions in docs/acl.md are exact: each cmdlet works with them, and without any one of them it changes nothing.
/// </summary>
public sealed class RightsTableTests(RightsClusters clusters) : IClassFixture<RightsClusters>
{
    private const string Rebalancing = "Invoke-RedisRebalance";

    // The commands that check permissions. A cmdlet works without them.
    private static readonly string[] Asking = ["+acl|whoami", "+acl|dryrun"];

    // Commands that change nothing.
    private static readonly string[] Harmless =
    [
        "ACL", "CLIENT", "INFO", "DBSIZE", "CONFIG GET", "SELECT", "MEMORY", "FUNCTION", "COMMAND", "HELLO", "CLUSTER NODES",
        "CLUSTER INFO", "CLUSTER COUNTKEYSINSLOT", "CLUSTER GETKEYSINSLOT", "CLUSTER SLOT-STATS", "CLUSTER MIGRATION STATUS",
        "CLUSTER GETSLOTMIGRATIONS", "ASKING", "EXISTS", "DUMP", "PTTL", "TYPE", "STRLEN", "GETRANGE",
    ];

    private static readonly string[] All = [Servers.Redis70, Servers.Redis86, Servers.Valkey91];

    public static TheoryData<string> Of => [.. All];

    [Fact]
    public void Every_cmdlet_that_contacts_a_node_has_a_row()
    {
        Assert.Equal(CmdletWork.All.Keys.Order(), RightsTable.Rows.Keys.Order());
    }

    [Theory]
    [MemberData(nameof(Of))]
    public async Task Each_cmdlet_works_with_these_permissions_and_changes_nothing_without_any_one_of_them(string server)
    {
        var cluster = await clusters.Of(server);
        var number = 0;
        // Rebalancing moves the slots of the other cases too, so it comes last.
        var rows = RightsTable.Rows.Where((row, index) => IsTaken(server, row.Key, index));
        foreach (var (cmdlet, rules) in rows.OrderBy(row => row.Key == Rebalancing))
        {
            var work = CmdletWork.All[cmdlet];
            var slot = new MovingSlot(cluster, ++number);
            await PrepareAsync(work, slot);

            foreach (var rule in rules.Where(rule => rule.StartsWith('+')))
                await WithoutAsync(cmdlet, work, slot, rules, rule);
            if (rules.Contains("~*"))
                await WithoutAsync(cmdlet, work, slot, rules, "~*");

            await WorksAsync(cmdlet, slot, rules);
            await CloseAsync(slot);
            // With INFO the core uses the features of the server. They need no other permissions.
            if (!Asking.All(rules.Contains) || rules.Contains("+info") || cmdlet == Rebalancing)
                continue;
            var other = new MovingSlot(cluster, ++number);
            await PrepareAsync(work, other);
            await WorksAsync(cmdlet, other, [.. rules, "+info"]);
            await CloseAsync(other);
        }
    }

    private static async Task WorksAsync(string cmdlet, MovingSlot slot, IReadOnlyList<string> rules)
    {
        await SetUserAsync(slot.Cluster, rules);
        using var core = new RedisCluster(Session(slot.Cluster, CmdletWork.All[cmdlet])) { KeepsJournal = false };
        var (findings, end) = await CmdletWork.All[cmdlet].Begin(core, slot);
        Assert.DoesNotContain(findings, finding => finding.Code == PlanFindingCode.RightsUnknown);
        await end();
    }

    // The documented permissions and INFO, which the page recommends: the servers support atomic moves, but this user may not start one.
    [Theory]
    [InlineData(Servers.Redis86, "CLUSTER MIGRATION")]
    [InlineData(Servers.Valkey91, "CLUSTER MIGRATESLOTS")]
    public async Task Without_permission_for_atomic_moves_slots_move_key_by_key_with_a_finding(string server, string missing)
    {
        // Its own cluster: the cases above leave one with a node that was removed.
        await using var cluster = await TestCluster.StartAsync(server, masters: 3, replicas: 2);
        // One of the last slots of the second master, because rebalancing moves the first ones.
        var slot = new MovingSlot(cluster, 16000, cluster.Node(1));
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await SetUserAsync(cluster, [.. RightsTable.Rows["Move-RedisSlot"], "+info"]);
        using var core = new RedisCluster(Session(cluster)) { KeepsJournal = false };
        var options = new MoveOptions();
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = [slot.Slot], Target = slot.Target.Id }, options, default);
        Assert.Equal("Atomic", Assert.Single(plan.Moves).Method);

        var check = await core.CheckMovesAsync(plan, options, default);
        Assert.Equal("KeyByKey", Assert.Single(check.Moves).Method);
        Assert.Contains(missing, Assert.Single(check.Findings, finding => finding.Code == PlanFindingCode.AtomicNotPossible).Message);
        Assert.Null(Assert.Single(await MoveRuns.CarryOutAsync(core, check, options)).Failure);
        await slot.AssertClosedAsync();
    }

    private static async Task WithoutAsync(string cmdlet, CmdletWork work, MovingSlot slot, IReadOnlyList<string> rules, string rule)
    {
        await SetUserAsync(slot.Cluster, rules.Where(other => other != rule));
        var sent = new ConcurrentQueue<string>();
        var session = Session(slot.Cluster, work);
        using var core = new RedisCluster(
            session, new HookedConnector(new NodeConnector(session.Options), Note), null)
        { KeepsJournal = false };
        try
        {
            var (findings, _) = await work.Begin(core, slot);
            Assert.True(
                Asking.Contains(rule) && findings.Any(finding => finding.Code == PlanFindingCode.RightsUnknown),
                cmdlet + " starts without " + rule + ".");
        }
        catch (RedisOperationException refusal)
        {
            // Several commands check key permissions. The server reports the key, or that it is a key, not the command.
            var named = rule == "~*" ? "to access " : rule[1..].Replace('|', ' ');
            Assert.True(
                refusal.Code == FailureCode.PermissionDenied, cmdlet + " without " + rule + ": " + refusal.Code + ": " + refusal.Message);
            Assert.True(
                refusal.Message.Contains(named, StringComparison.OrdinalIgnoreCase),
                cmdlet + " without " + rule + " does not name it: " + refusal.Message);
            Assert.Contains(slot.Cluster.Endpoints, node => refusal.Message.Contains(node.ToString(), StringComparison.Ordinal));
            Assert.False(string.IsNullOrEmpty(refusal.NextStep()));
        }

        Assert.NotEmpty(sent);
        Assert.DoesNotContain(sent, command => !Harmless.Any(harmless => command.StartsWith(harmless, StringComparison.Ordinal)));

        Task Note(NodeEndpoint node, IReadOnlyList<RespCommand> commands)
        {
            foreach (var command in commands)
                sent.Enqueue(command.ToString());
            return Task.CompletedTask;
        }
    }

    private static async Task PrepareAsync(CmdletWork work, MovingSlot slot)
    {
        foreach (var key in Enumerable.Range(0, work.IsOpen ? 4 : 6))
            await slot.OnSourceAsync("SET", slot.Key("k" + key), "v");
        if (!work.IsOpen)
            return;
        await slot.OpenAsync();
        foreach (var key in Enumerable.Range(4, 2))
            await slot.OnTargetAsync("SET", slot.Key("k" + key), "v");
    }

    // Closes the slot in any state, so that the next cmdlet finds only its own slot open.
    private static async Task CloseAsync(MovingSlot slot)
    {
        // The user has to exist: the servers cache the authenticated connections of MIGRATE for a while.
        await SetUserAsync(slot.Cluster, ["on", ">" + RightsTable.Password, "~*", "+@all"]);
        using var core = new RedisCluster(Session(slot.Cluster)) { KeepsJournal = false };
        foreach (var plan in await core.PlanRepairAsync(new RepairOptions { Slots = [slot.Slot] }, new MoveOptions(), default))
            Assert.Null((await core.CarryOutAsync(plan, default)).Failure);
    }

    private static async Task SetUserAsync(TestCluster cluster, IEnumerable<string> rules)
    {
        foreach (var node in cluster.Nodes)
            await node.SendAsync(["ACL", "SETUSER", RightsTable.User, "reset", .. rules]);
    }

    private static RedisClusterSession Session(TestCluster cluster, CmdletWork? work = null) =>
        new(
            work?.Seeds?.Invoke(cluster) ?? [cluster.Node(0).Endpoint],
            new ConnectionOptions { User = RightsTable.User, Password = RightsTable.Password });

    // In the short proof each cmdlet has one of its servers.
    private static bool IsTaken(string server, string cmdlet, int index)
    {
        var servers = All.Where(CmdletWork.All[cmdlet].Servers.Contains).ToList();
        return KillCase.IsFullProof ? servers.Contains(server) : servers[index % servers.Count] == server;
    }
}

/// <summary>One cluster of each server: two masters with slots and one without, and two replicas.</summary>
public sealed class RightsClusters : IAsyncLifetime
{
    private readonly Dictionary<string, TestCluster> _clusters = [];

    internal async Task<TestCluster> Of(string server)
    {
        if (!_clusters.TryGetValue(server, out var cluster))
            _clusters[server] = cluster = await TestCluster.StartAsync(server, masters: 3, replicas: 2);
        return cluster;
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters.Values)
            await cluster.DisposeAsync();
    }
}
