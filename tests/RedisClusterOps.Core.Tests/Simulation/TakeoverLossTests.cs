using System;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// Law 16: a replica that takes over claims every slot that its own view still gives to its master. If the target of a handover has the
/// lower epoch, or the same one and the greater id, it deletes the keys that it has just received.
/// </summary>
public class TakeoverLossTests
{
    public static TheoryData<string> Servers => ["redis-7.0", "redis-8.6", "valkey-9.1"];

    [Theory]
    [MemberData(nameof(Servers))]
    public void A_takeover_before_the_replica_has_heard_of_the_handover_loses_the_keys(string server)
    {
        var bare = Prepared(server, replicaHasSmallerId: true);
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        DieAndTakeOver(bare);
        Assert.Equal(8, bare.Lost);
    }

    // A target with the highest epoch does not raise its own at the handover, so the replica's is above it.
    [Theory]
    [MemberData(nameof(Servers))]
    public void A_target_that_had_the_highest_epoch_loses_to_the_replica(string server)
    {
        var bare = new BareCluster(ServerRules.All.Single(rules => rules.Name == server));
        bare.Replica.Id = new string('f', 40);
        bare.MoveKeys();
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        DieAndTakeOver(bare);
        Assert.Equal(8, bare.Lost);
    }

    // Both raise their epoch to the same number. The smaller id then raises its own again.
    [Theory]
    [MemberData(nameof(Servers))]
    public void Of_two_equal_epochs_the_one_of_the_smaller_id_wins(string server)
    {
        var bare = Prepared(server, replicaHasSmallerId: false);
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        DieAndTakeOver(bare);
        Assert.Equal(0, bare.Lost);
        Assert.Equal(bare.Target.Index, bare.Other.Owner[SlotMap.MovingPart]);
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public void A_takeover_once_the_view_of_the_replica_shows_the_target_loses_nothing(string server)
    {
        var bare = Prepared(server, replicaHasSmallerId: true);
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        while (bare.Replica.Owner[SlotMap.MovingPart] != bare.Target.Index)
            bare.Pass(0.1);
        DieAndTakeOver(bare);
        Assert.Equal(0, bare.Lost);
        Assert.False(bare.Cluster.Ledger.MetRace);
    }

    [Theory]
    [MemberData(nameof(Servers))]
    public void A_takeover_after_the_keys_moved_and_before_any_handover_loses_nothing(string server)
    {
        var bare = Prepared(server, replicaHasSmallerId: true);
        DieAndTakeOver(bare);
        Assert.Equal(0, bare.Lost);
    }

    [Theory]
    [InlineData("redis-7.0")]
    [InlineData("redis-8.6")]
    public void A_handover_after_the_target_has_heard_of_the_promotion_loses_nothing(string server)
    {
        var bare = Prepared(server, replicaHasSmallerId: true);
        DieAndTakeOver(bare);
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        bare.Cluster.Settle();
        Assert.Equal(0, bare.Lost);
    }

    // As when the commands of a long window are still sent while the source is dead.
    [Theory]
    [MemberData(nameof(Servers))]
    public void A_handover_long_after_the_death_of_the_source_is_not_excused(string server)
    {
        var bare = Prepared(server, replicaHasSmallerId: true);
        bare.Source.Crash();
        bare.Pass(300);
        BareCluster.SetSlot(bare.Target, "NODE", bare.Target);
        BareCluster.TakeOver(bare.Replica);
        bare.Cluster.Settle();
        Assert.Equal(8, bare.Lost);
        bare.Cluster.Ledger.RequireNothingLost();
        Assert.Equal(8, bare.Cluster.Ledger.Violations.Count);
    }

    // Source, the replica's own view, then target: no moment of a takeover loses a key.
    [Theory]
    [InlineData("redis-7.0", 0)]
    [InlineData("redis-7.0", 1)]
    [InlineData("redis-7.0", 2)]
    [InlineData("redis-7.0", 3)]
    [InlineData("redis-8.6", 0)]
    [InlineData("redis-8.6", 1)]
    [InlineData("redis-8.6", 2)]
    [InlineData("redis-8.6", 3)]
    public void Releasing_the_slot_on_the_source_and_its_replica_first_loses_nothing(string server, int dieAfter)
    {
        var bare = Prepared(server, replicaHasSmallerId: true);
        Action[] steps =
        [
            () => BareCluster.SetSlot(bare.Source, "NODE", bare.Target),
            () => BareCluster.Send(bare.Replica, "CLUSTER", "DELSLOTS", SlotMap.Moving),
            () => BareCluster.SetSlot(bare.Target, "NODE", bare.Target),
        ];
        foreach (var step in steps.Take(dieAfter))
            step();
        DieAndTakeOver(bare);
        foreach (var step in steps.Skip(Math.Max(dieAfter, 2)))
            step();
        bare.Cluster.Settle();
        Assert.Equal(0, bare.Lost);
    }

    private static BareCluster Prepared(string server, bool replicaHasSmallerId)
    {
        var bare = new BareCluster(
            ServerRules.All.Single(rules => rules.Name == server), options: new SceneOptions { HighSourceEpoch = true });
        bare.Replica.Id = new string(replicaHasSmallerId ? '0' : 'f', 40);
        bare.MoveKeys();
        return bare;
    }

    private static void DieAndTakeOver(BareCluster bare)
    {
        bare.Source.Crash();
        BareCluster.TakeOver(bare.Replica);
        bare.Cluster.Settle();
    }
}
