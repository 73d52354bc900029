using System;
using System.Linq;
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

    // Every view shows the source as failed.
    private static InterceptingConnector CallsUnreachableFailed(INodeConnector inner) =>
        new(inner, sending => sending.ForwardWithRepliesAsync((command, reply) => InterceptedSend.Is(command, "CLUSTER NODES")
            ? RespValue.Bulk(string.Join('\n', reply.Text.Split('\n').Select(Failed)))
            : reply));

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
