using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Cores that break a law of nodes, 13 to 23.</summary>
internal static class NodeMutations
{
    // The source dies when its last key has left. Its replica takes over so much later, and hears so late.
    private static readonly TimeSpan TakeoverAfterDeath = TimeSpan.FromMilliseconds(350);
    private static readonly TimeSpan HandoverAfterDeath = TimeSpan.FromMilliseconds(330);

    public static Mutation[] All { get; } =
    [
        new(
            13,
            "makes a node the owner without raising its epoch",
            "I1",
            new Scenario(
                ServerRules.Redis70,
                Start.Unowned,
                Operation.RepairWithoutAbsent,
                new SceneOptions { Keys = 0, Replicas = false, Clients = 6 }),
            KeepsEpoch)
        {
            Prepare = FormerOwnerReturns,
        },
        new(
            14,
            "calls an owner dead that it cannot reach",
            "I1",
            new Scenario(ServerRules.Redis70, Start.Stable, Operation.Repair, new SceneOptions { Replicas = false }),
            CallsUnreachableFailed)
        {
            Prepare = scene =>
            {
                scene.Source.IsHiddenFromUs = true;
                scene.Cluster.Clock.After(TimeSpan.FromSeconds(20), () => scene.Source.IsHiddenFromUs = false);
            },
            Instead = Operation.RepairWithoutAbsent,
        },
        new(
            15,
            "plans ADDSLOTS although its receiver believes that another node owns the slot",
            "done",
            new Scenario(ServerRules.Redis70, Start.Unowned, Operation.Repair, new SceneOptions { Keys = 0, Replicas = false }),
            inner => WithReplies(
                inner, "CLUSTER NODES", nodes => Regex.Replace(nodes, @"(?<=c2{39} .*) 5519(?= )", string.Empty), "10.0.0.2"))
        {
            Prepare = scene => scene.Cluster.Nodes[1].Owner[SlotMap.MovingPart] = 2,
        },
        new(
            16,
            "hands a slot over 330 ms after the death of its source",
            "I1",
            new Scenario(ServerRules.Redis70, Start.Migrating, Operation.Move, new SceneOptions { HighSourceEpoch = true }),
            HandsOverForTheDead)
        {
            Prepare = DieOnceEmpty,
        },
        new(
            17,
            "returns a slot to a master that never had it",
            "I3",
            new Scenario(ServerRules.Redis70, Start.Migrating, Operation.UndoByRoundTrip, new SceneOptions()),
            inner => inner)
        {
            Instead = Operation.UndoToAnother,
        },
        new(
            18,
            "ignores the flag of a replica",
            "I4",
            new Scenario(ServerRules.Valkey91, Start.Stable, Operation.Repair, new SceneOptions()),
            inner => WithReplies(
                inner, "CLUSTER NODES", nodes => Regex.Replace(nodes, @" \[[^ ]*->-[^ ]*\]", string.Empty), "10.0.0.5"))
        {
            Prepare = PromoteFlaggedReplica,
        },
        new(
            19,
            "does not look for keys that the target evicted",
            "I8",
            new Scenario(ServerRules.Redis70, Start.ImportingOnly, Operation.Complete, new SceneOptions { Clients = 0 }),
            IgnoresEvictions)
        {
            Prepare = scene => scene.Target.EvictsNext = 3,
            Check = NamesEvictions,
        },
        new(
            19,
            "does not look for keys that the target evicted, in a bulk move",
            "I8",
            new Scenario(ServerRules.Redis70, Start.Stable, Operation.Move, new SceneOptions { Clients = 0 }),
            IgnoresEvictions)
        {
            Prepare = scene => scene.Target.EvictsNext = 3,
            Check = NamesEvictions,
        },
        new(
            21,
            "reports a slot as moved that the run left open when its connections broke",
            "I4",
            new Scenario(ServerRules.Redis70, Start.Migrating, Operation.Move, new SceneOptions()),
            inner => inner)
        {
            Prepare = scene => scene.Cluster.Clock.After(TimeSpan.FromMilliseconds(6), () =>
            {
                scene.Target.IsHiddenFromUs = true;
                scene.Cluster.Clock.After(TimeSpan.FromSeconds(3), () => scene.Target.IsHiddenFromUs = false);
            }),
            Instead = Operation.MoveWithoutEnd,
        },
        new(
            23,
            "treats a key that the target cannot restore as moved",
            "I1",
            new Scenario(ServerRules.Redis70, Start.Migrating, Operation.UndoByPullBack, new SceneOptions()),
            inner => Mutation.AssumesOk(inner, "Bad data format"))
        {
            Prepare = scene => scene.Target.CannotRestore = scene.Source.AllKeys().Last().Key,
            Instead = Operation.Complete,
        },
    ];

    // The core reads other replies to a command than the nodes sent: those of one node, or of all.
    private static InterceptingConnector WithReplies(
        INodeConnector inner, string command, Func<string, string> change, string? host = null) =>
        new(inner, sending => sending.ForwardWithRepliesAsync((sent, reply) =>
            (host is null || sending.Endpoint.Host == host) && InterceptedSend.Is(sent, command)
                ? RespValue.Bulk(change(reply.Text))
                : reply));

    // BUMPEPOCH has no effect, and the core believes that it had one.
    private static InterceptingConnector KeepsEpoch(INodeConnector inner)
    {
        var bumped = new HashSet<NodeEndpoint>();
        return new InterceptingConnector(inner, async sending =>
        {
            if (InterceptedSend.Is(sending.Commands[0], "CLUSTER BUMPEPOCH"))
            {
                bumped.Add(sending.Endpoint);
                return [RespValue.Simple("BUMPED 999")];
            }

            return await sending.ForwardWithRepliesAsync((command, reply) =>
                bumped.Contains(sending.Endpoint) && InterceptedSend.Is(command, "CLUSTER NODES")
                    ? RespValue.Bulk(Regex.Replace(reply.Text, @"(myself,master - 0 0 )\d+", "${1}999"))
                    : reply);
        });
    }

    // It was the owner, and died with a higher epoch before the others heard that. So its claim wins if theirs has no higher one.
    private static void FormerOwnerReturns(Scene scene)
    {
        var former = scene.Target;
        former.BumpWithoutConsensus();
        former.Broadcast();
        scene.Cluster.Clock.Pass(TimeSpan.FromMilliseconds(5));
        former.Owner[SlotMap.MovingPart] = former.Index;
        former.Crash();
        foreach (var node in scene.Cluster.Nodes)
            node.Failed[former.Index] = true;
        scene.Cluster.Clock.After(TimeSpan.FromSeconds(1), former.Start);
    }

    private static void PromoteFlaggedReplica(Scene scene)
    {
        var replica = scene.Cluster.Nodes[4];
        replica.Migrating[SlotMap.MovingPart] = scene.Target.Index;
        scene.Cluster.Clock.After(TimeSpan.FromSeconds(1), () =>
        {
            scene.Source.Crash();
            replica.TakeOver();
        });
        scene.Cluster.Clock.After(TimeSpan.FromSeconds(2), scene.Source.Start);
    }

    private static InterceptingConnector IgnoresEvictions(INodeConnector inner) =>
        WithReplies(inner, "INFO", info => Regex.Replace(info, @"evicted_keys:\d+", "evicted_keys:0"));

    private static string? NamesEvictions(Scene scene, IReadOnlyList<Attempt> attempts) => attempts[0].Succeeded
        ? "I8: a success, although " + scene.Target.Evicted + " keys were evicted"
        : null;

    // Every view shows the source as failed.
    private static InterceptingConnector CallsUnreachableFailed(INodeConnector inner) =>
        WithReplies(inner, "CLUSTER NODES", nodes => string.Join('\n', nodes.Split('\n').Select(Failed)));

    private static string Failed(string line) => line.StartsWith(SimulatedNode.IdOf(0), StringComparison.Ordinal)
        ? line.Replace(" master ", " master,fail ").Replace(" connected", " disconnected")
        : line;

    // The source replies although it is dead, and NODE reaches the target long after.
    private static InterceptingConnector HandsOverForTheDead(INodeConnector inner)
    {
        var source = ((SimulatedCluster)inner).Nodes[0];
        return new InterceptingConnector(inner, async sending =>
        {
            if (sending.Endpoint == source.Endpoint && source.DiedAt is not null)
                return [.. sending.Commands.Select(command => source.Do(command, new ConnectionState()))];
            var isHandover = InterceptedSend.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 NODE") && sending.Endpoint.Host == "10.0.0.4";
            if (isHandover && source.DiedAt is { } died && HandoverAfterDeath - (inner.Clock.Now - died) is { Ticks: > 0 } rest)
                await inner.Clock.PauseAsync(rest, default);
            return await sending.ForwardAsync();
        });
    }

    private static void DieOnceEmpty(Scene scene)
    {
        var cluster = scene.Cluster;
        var replica = cluster.Nodes[4];
        replica.Id = new string('0', 40);
        cluster.ReplicasHearLater = (25, 40);
        Watch();

        void Watch() => cluster.Clock.After(TimeSpan.FromMilliseconds(0.2), () =>
        {
            if (scene.Source.Keys.CountIn(SlotMap.MovingPart) > 0)
            {
                Watch();
                return;
            }

            scene.Traffic.Suspend();
            scene.Source.Crash();
            cluster.Clock.After(TakeoverAfterDeath, replica.TakeOver);
            cluster.Clock.After(TakeoverAfterDeath + TimeSpan.FromSeconds(5), scene.Source.Start);
        });
    }
}
