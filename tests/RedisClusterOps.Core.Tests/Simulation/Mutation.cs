using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A core that breaks a law, the scenario for it, and the invariant that is then violated.</summary>
/// <param name="Law">The number of the law, 1 to 23.</param>
/// <param name="Behaviour">What the core does instead.</param>
/// <param name="Violates">The invariant that must be reported as violated.</param>
internal sealed record Mutation(int Law, string Behaviour, string Violates, Scenario On, Func<INodeConnector, INodeConnector> Mutate)
{
    /// <summary>Prepares the scene before the operation, with the law and without it.</summary>
    public Action<Scene>? Prepare { get; init; }

    /// <summary>Returns what is wrong with the attempts; null if nothing is. For what the nodes' state does not show.</summary>
    public Func<Scene, IReadOnlyList<Attempt>, string?>? Check { get; init; }

    /// <summary>The operation of the core that breaks the law, if it is a different one.</summary>
    public Operation? Instead { get; init; }

    public static Mutation[] All { get; } =
    [
        new(1, "assumes that the source is empty", "I1", Of(Start.Migrating), inner => Replying(inner, Empty)),
        new(
            1,
            "assumes that the source is empty, in a bulk move",
            "I1",
            Of(Start.Stable, operation: Operation.Move),
            inner => Replying(inner, Empty)),
        new(
            2,
            "assigns the slot to a target that does not import, so the target raises no epoch",
            "I1",
            Of(Start.Migrating) with { Options = new SceneOptions { HighSourceEpoch = true } },
            inner => new InterceptingConnector(inner, AssignToIdleTargetAsync)),
        new(
            3,
            "reads flags on source and target only",
            "I4",
            Of(Start.SeveralImporters, operation: Operation.Repair) with { Options = new SceneOptions { Keys = 0 } },
            inner => new InterceptingConnector(inner, sending => sending.ForwardWithRepliesAsync((command, reply) =>
                InterceptedSend.Is(command, "CLUSTER NODES") && sending.Endpoint.Host == "10.0.0.3"
                    ? RespValue.Bulk(WithoutImports(reply.Text))
                    : reply))),
        new(
            4,
            "sets MIGRATING on the source before IMPORTING on the target",
            "I2",
            Of(Start.Stable, operation: Operation.Begin),
            MigratingFirst),
        new(
            5,
            "ends the import with STABLE before the keys are back",
            "I1",
            Of(Start.Migrating, ServerRules.Redis86Deleting, Operation.UndoByPullBack),
            inner => new InterceptingConnector(inner, StableBeforeMoveAsync)),
        new(6, "assumes that an interrupted transfer succeeded", "I1", Of(Start.Migrating), inner => AssumesOk(inner, "IOERR"))
        {
            Prepare = BreakFirstTransfer,
        },
        new(7, "assumes that a rejected batch moved", "I1", WithConflicts(Operation.Complete), inner => AssumesOk(inner, "BUSYKEY")),
        new(
            7,
            "assumes that a rejected batch moved, in a bulk move",
            "I1",
            WithConflicts(Operation.Move),
            inner => AssumesOk(inner, "BUSYKEY")),
        new(8, "replaces keys on the target", "I1", WithConflicts(Operation.Complete), Replacing),
        new(8, "replaces keys on the target, in a bulk move", "I1", WithConflicts(Operation.Move), Replacing),
        new(
            9,
            "keeps using the roles that it read first",
            "done",
            Of(Start.Migrating) with { Options = new SceneOptions { TargetHasSlots = true } },
            RemembersRoles)
        {
            Prepare = FailOverSoon,
        },
        new(
            10,
            "assumes that an unreachable master never returns",
            "I1",
            Of(Start.Stable, operation: Operation.Repair) with { Options = new SceneOptions { Replicas = false } },
            inner => inner)
        {
            Prepare = SourceDown,
            Instead = Operation.RepairWithoutAbsent,
        },
        new(11, "treats keys as text", "done", Of(Start.ImportingOnly), inner => Replying(inner, (command, reply) =>
            InterceptedSend.Is(command, "CLUSTER GETKEYSINSLOT") ? RespValue.Array([.. reply.Items.Select(AsText)]) : reply)),
        new(
            11,
            "assumes one database",
            "I1",
            Of(Start.Migrating, ServerRules.Valkey91WithDatabases),
            inner => Replying(inner, (command, reply) => InterceptedSend.Is(command, "CONFIG GET cluster-databases")
                ? RespValue.Array([reply.Items[0], RespValue.Bulk("1")])
                : reply)),
        new(
            6,
            "assumes that an interrupted transfer succeeded, in a bulk move",
            "I1",
            Of(Start.Stable, operation: Operation.Move),
            inner => AssumesOk(inner, "IOERR"))
        {
            Prepare = BreakFirstTransfer,
        },
        new(
            12,
            "sends DELSLOTS to a source that holds keys",
            "I1",
            Of(Start.Migrating, ServerRules.Redis86Deleting),
            inner => new InterceptingConnector(inner, DropFirstAsync)),
        .. NodeMutations.All,
    ];

    private static readonly ConditionalWeakTable<INodeConnector, Dictionary<string, (string Flags, string Master)>> Remembered = [];

    public override string ToString() => "law " + Law + ": " + Behaviour;

    private static Scenario Of(Start start, ServerRules? rules = null, Operation? operation = null) =>
        new(rules ?? ServerRules.Redis70, start, operation ?? Operation.Complete, new SceneOptions());

    private static Scenario WithConflicts(Operation operation) =>
        Of(Start.Migrating, operation: operation) with { Options = new SceneOptions { Conflicts = 2 } };

    private static InterceptingConnector Replying(INodeConnector inner, Func<RespCommand, RespValue, RespValue> change) =>
        new(inner, sending => sending.ForwardWithRepliesAsync(change));

    private static InterceptingConnector Replacing(INodeConnector inner) =>
        new(inner, sending => sending.ForwardWithCommandsAsync(WithReplace));

    private static RespValue Empty(RespCommand command, RespValue reply) =>
        InterceptedSend.Is(command, "CLUSTER COUNTKEYSINSLOT") ? RespValue.Number(0)
        : InterceptedSend.Is(command, "CLUSTER GETKEYSINSLOT") ? RespValue.Array([])
        : reply;

    private static RespValue AsText(RespValue key) => RespValue.Bulk(Encoding.UTF8.GetString(key.Bytes));

    // STABLE on the target, then NODE: it claims the slot with its present epoch, and learns the epoch of the source before the source
    // learns of the claim.
    private static async Task<IReadOnlyList<RespValue>> AssignToIdleTargetAsync(InterceptedSend sending)
    {
        var last = InterceptedSend.Text(sending.Commands[0]).Split(' ');
        if (!InterceptedSend.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 NODE")
            || last[^1] != SimulatedNode.IdOf(3)
            || sending.Endpoint.Host != "10.0.0.4")
        {
            return await sending.ForwardAsync();
        }

        await sending.ForwardAsync([RespCommand.Of("CLUSTER", "SETSLOT", SlotMap.Moving, "STABLE")]);
        var replies = await sending.ForwardAsync();
        await sending.Connector.Clock.PauseAsync(TimeSpan.FromSeconds(5), default);
        return replies;
    }

    private static string WithoutImports(string nodes) => Regex.Replace(nodes, @" \[[^ ]*-<-[^ ]*\]", string.Empty);

    private static InterceptingConnector MigratingFirst(INodeConnector inner)
    {
        InterceptedSend? import = null;
        return new InterceptingConnector(inner, async sending =>
        {
            if (InterceptedSend.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 IMPORTING"))
            {
                import = sending;
                return [RespValue.Simple("OK")];
            }

            var replies = await sending.ForwardAsync();
            if (InterceptedSend.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 MIGRATING"))
            {
                await sending.Connector.Clock.PauseAsync(TimeSpan.FromMilliseconds(50), default);
                await import!.ForwardAsync();
            }

            return replies;
        });
    }

    private static async Task<IReadOnlyList<RespValue>> StableBeforeMoveAsync(InterceptedSend sending)
    {
        if (InterceptedSend.Is(sending.Commands[0], "MIGRATE "))
            await sending.ForwardAsync([RespCommand.Of("CLUSTER", "SETSLOT", SlotMap.Moving, "STABLE")]);
        return await sending.ForwardAsync();
    }

    // Treats the keys of a MIGRATE that failed with this error as moved: the node no longer lists or counts them.
    public static InterceptingConnector AssumesOk(INodeConnector inner, string error)
    {
        var believed = new Dictionary<NodeEndpoint, HashSet<string>>();
        return new InterceptingConnector(inner, async sending =>
        {
            var moved = believed.TryGetValue(sending.Endpoint, out var known) ? known : believed[sending.Endpoint] = [];
            var stillThere = 0;
            return await sending.ForwardWithRepliesAsync((command, reply) =>
            {
                if (InterceptedSend.Is(command, "MIGRATE ") && reply.IsError && reply.Text.Contains(error, StringComparison.Ordinal))
                {
                    moved.UnionWith(command.Arguments.SkipWhile(word => SlotMap.Name(word) != "KEYS").Skip(1).Select(SlotMap.Name));
                    return RespValue.Simple("OK");
                }

                if (InterceptedSend.Is(command, "CLUSTER GETKEYSINSLOT"))
                {
                    stillThere = reply.Items.Count(item => moved.Contains(SlotMap.Name(item.Bytes)));
                    return RespValue.Array([.. reply.Items.Where(item => !moved.Contains(SlotMap.Name(item.Bytes)))]);
                }

                return InterceptedSend.Is(command, "CLUSTER COUNTKEYSINSLOT")
                    ? RespValue.Number(Math.Max(0, reply.Integer - moved.Count))
                    : reply;
            });
        });
    }

    private static RespCommand WithReplace(RespCommand command) =>
        InterceptedSend.Is(command, "MIGRATE ") && SlotMap.Name(command.Arguments[6]) == "KEYS"
        ? RespCommand.Of([.. command.Arguments.Take(6), "REPLACE", .. command.Arguments.Skip(6)])
        : command;

    // The roles are kept for the whole process.
    private static InterceptingConnector RemembersRoles(INodeConnector inner)
    {
        var roles = Remembered.GetValue(inner, _ => []);
        return new InterceptingConnector(inner, sending => sending.ForwardWithRepliesAsync((command, reply) =>
            InterceptedSend.Is(command, "CLUSTER NODES")
                ? RespValue.Bulk(string.Join('\n', reply.Text.Split('\n').Select(WithFirstRole)))
                : reply));

        string WithFirstRole(string line)
        {
            var words = line.Split(' ');
            if (words.Length < 4)
                return line;
            if (!roles.TryGetValue(words[0], out var role))
                roles[words[0]] = role = (words[2].Replace("myself,", string.Empty), words[3]);
            words[2] = (words[2].StartsWith("myself", StringComparison.Ordinal) ? "myself," : string.Empty) + role.Flags;
            words[3] = role.Master;
            return string.Join(' ', words);
        }
    }

    private static async Task<IReadOnlyList<RespValue>> DropFirstAsync(InterceptedSend sending)
    {
        if (InterceptedSend.Is(sending.Commands[0], "MIGRATE "))
            await sending.ForwardAsync([RespCommand.Of("CLUSTER", "DELSLOTS", SlotMap.Moving)]);
        return await sending.ForwardAsync();
    }

    private static void BreakFirstTransfer(Scene scene)
    {
        var left = 1;
        scene.Cluster.TransferBreaks = (_, keys) => left-- > 0 ? keys / 2 : null;
    }

    private static void FailOverSoon(Scene scene) => scene.Cluster.Clock.After(TimeSpan.FromMilliseconds(8), () =>
    {
        scene.Traffic.Suspend();
        scene.Cluster.FailOver(scene.Target);
    });

    // The source restarts with its keys after the operation.
    private static void SourceDown(Scene scene)
    {
        scene.Source.Crash();
        foreach (var node in scene.Cluster.Nodes)
            node.Failed[scene.Source.Index] = true;
        scene.Cluster.Clock.After(TimeSpan.FromSeconds(1), scene.Source.Start);
    }
}
