using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Preflight;

/// <summary>What keeps a source or target from taking part in a move is a finding before the plan is carried out.</summary>
public sealed class WriteFindingTests
{
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_node_that_refuses_writes_for_lack_of_replicas_is_a_finding(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        foreach (var node in new[] { slot.Source, slot.Target })
        {
            await node.SendAsync("CONFIG", "SET", "min-replicas-to-write", 1);
            var finding = Assert.Single((await PreflightRun.CheckAsync(slot)).Findings);
            Assert.Equal(
                (PlanFindingCode.WritesRefused, FindingSeverity.Error, node.Endpoint.ToString()),
                (finding.Code, finding.Severity, finding.Target));
            Assert.Contains("NOREPLICAS", finding.Message);
            await AssertRefusesAsync(slot, "NOREPLICAS");
            await node.SendAsync("CONFIG", "SET", "min-replicas-to-write", 0);
            Assert.Empty(await FindingTests.FindingsOfAsync(slot));
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_node_that_refuses_writes_after_a_failed_save_is_a_finding(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        foreach (var node in new[] { slot.Source, slot.Target })
        {
            // The file of the save can't replace a folder.
            var obstacle = Directory.CreateDirectory(Path.Combine(node.Folder, "dump.rdb"));
            await node.SendAsync("CONFIG", "SET", "save", "3600 1");
            await SaveAsync(node, "err");
            var finding = Assert.Single((await PreflightRun.CheckAsync(slot)).Findings);
            Assert.Equal((PlanFindingCode.WritesRefused, node.Endpoint.ToString()), (finding.Code, finding.Target));
            Assert.Contains("MISCONF", finding.Message);
            await AssertRefusesAsync(slot, "MISCONF");
            obstacle.Delete();
            await SaveAsync(node, "ok");
            Assert.Empty(await FindingTests.FindingsOfAsync(slot));
        }

        static async Task SaveAsync(LocalNode node, string expected)
        {
            await node.SendAsync("BGSAVE");
            await UntilAsync(async () =>
            {
                var info = (await node.SendAsync("INFO", "persistence")).Text;
                return info.Contains("rdb_bgsave_in_progress:0") && info.Contains("rdb_last_bgsave_status:" + expected);
            });
        }
    }

    // Valkey waits for it at each SETSLOT, and then refuses the SETSLOT.
    [Fact]
    public async Task A_connected_replica_that_hangs_is_a_finding()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Valkey91, masters: 3, replicas: 1);
        var slot = new MovingSlot(cluster, 7);
        Assert.Empty(await FindingTests.FindingsOfAsync(slot));
        cluster.Replicas[0].Stop();
        try
        {
            await UntilAsync(async () => (await FindingTests.FindingsOfAsync(slot)).Count > 0);
            var finding = Assert.Single((await PreflightRun.CheckAsync(slot)).Findings);
            Assert.Equal(
                (PlanFindingCode.ReplicaHangs, FindingSeverity.Error, slot.Source.Endpoint.ToString()),
                (finding.Code, finding.Severity, finding.Target));
            Assert.Contains(cluster.Replicas[0].Endpoint.ToString(), finding.Message);
            Assert.StartsWith(
                "NOREPLICAS", (await slot.Source.AskAsync("CLUSTER", "SETSLOT", 7, "MIGRATING", slot.Target.Id)).Text);
        }
        finally
        {
            cluster.Replicas[0].Continue();
        }

        await UntilAsync(async () => (await FindingTests.FindingsOfAsync(slot)).Count == 0);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_key_above_the_largest_value_of_the_target_is_a_finding(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SETRANGE", slot.Key("big"), 3 << 20, "v");
        Assert.Empty(await FindingTests.FindingsOfAsync(slot));
        await slot.Target.SendAsync("CONFIG", "SET", "proto-max-bulk-len", 1 << 20);
        var finding = Assert.Single((await PreflightRun.CheckAsync(slot)).Findings);
        Assert.Equal((PlanFindingCode.KeyTooLarge, FindingSeverity.Error, "7"), (finding.Code, finding.Severity, finding.Target));
        Assert.Contains("big", finding.Message);
        Assert.StartsWith("CONFIG SET proto-max-bulk-len", NextActionText.Of(finding.Next!));
    }

    // Valkey's source logs in to its target with its replication user. Redis' nodes need no user for it.
    [Theory]
    [InlineData(Servers.Redis86, true)]
    [InlineData(Servers.Valkey91, false)]
    public async Task A_replication_user_without_the_rights_for_atomic_moves_is_seen_beforehand(string server, bool isPossible)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3, with: options => options with
        {
            ConfigLines = ["user replicator on >secret ~* &* +@all", "masteruser replicator", "masterauth secret"],
        });
        foreach (var (number, rule) in new[] { (7, "-cluster|syncslots"), (8, "+@all") })
        {
            foreach (var node in cluster.Nodes)
                await node.SendAsync("ACL", "SETUSER", "replicator", rule);
            var slot = new MovingSlot(cluster, number, target: cluster.Node(1));
            using var core = new RedisCluster(slot.Session) { KeepsJournal = false };
            var wanted = new SlotSelection { Slots = [number], Target = slot.Target.Id };
            var plan = await core.PlanMoveAsync(wanted, new MoveOptions(), default);
            var check = await core.CheckMovesAsync(plan, new MoveOptions(), default);
            var isSeen = check.Findings.Any(finding =>
                finding.Code == PlanFindingCode.AtomicNotPossible && finding.Message.Contains("replicator"));
            Assert.Equal(rule[0] == '-' && !isPossible, isSeen);
            Assert.Equal(isSeen ? "KeyByKey" : "Atomic", Assert.Single(check.Moves).Method);
            // What the finding prevents.
            if (isSeen)
                await AssertFailsAsync(slot);
            Assert.Null(Assert.Single(await MoveRuns.CarryOutAsync(core, check, new MoveOptions())).Failure);
        }

        static async Task AssertFailsAsync(MovingSlot slot)
        {
            await slot.Source.SendAsync("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot.Slot, slot.Slot, "NODE", slot.Target.Id);
            await UntilAsync(async () => Flat(await slot.Source.SendAsync("CLUSTER", "GETSLOTMIGRATIONS")).Contains("failed"));
        }

        static string Flat(RespValue reply) => reply.Items.Count == 0 ? reply.Text : string.Join(" ", reply.Items.Select(Flat));
    }

    private static async Task UntilAsync(Func<Task<bool>> isReached)
    {
        for (var until = DateTime.UtcNow.AddSeconds(30); !await isReached(); await Task.Delay(50))
            Assert.True(DateTime.UtcNow < until, "It did not happen within 30 s.");
    }

    // A run that starts all the same meets the error that the finding announces, and leaves the slot open.
    private static async Task AssertRefusesAsync(MovingSlot slot, string error)
    {
        await slot.OpenAsync();
        Assert.Contains(error, (await slot.CompleteAsync()).Failure!.Message);
        await slot.AssertOpenAsync();
        await slot.Source.SendAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE");
        await slot.Target.SendAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE");
    }
}
