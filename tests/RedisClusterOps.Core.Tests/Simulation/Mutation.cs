using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>A core that forgot a law, what of the proof it is tried on, and the promise that it then breaks.</summary>
/// <param name="Law">Its number, 1 to 12.</param>
/// <param name="Forgets">What it does instead.</param>
/// <param name="Breaks">The invariant that must be found broken.</param>
internal sealed record Mutation(int Law, string Forgets, string Breaks, Scenario On, Func<INodeConnector, INodeConnector> Liar)
{
    /// <summary>What goes on before the operation begins; the same with the law and without it.</summary>
    public Action<Scene>? Meanwhile { get; init; }

    /// <summary>The operation of a core that forgot the law, where that is another operation.</summary>
    public Operation? Instead { get; init; }

    public static Mutation[] All { get; } =
    [
        new(1, "takes the source for empty", "I1", Of(Start.Migrating), inner => new LyingConnector(inner, sending => sending.ChangingAsync((command, reply) =>
            Sending.Is(command, "CLUSTER COUNTKEYSINSLOT") ? RespValue.Number(0) : Sending.Is(command, "CLUSTER GETKEYSINSLOT") ? RespValue.Array([]) : reply))),
        new(1, "takes the source for empty where many slots move at once", "I1", Of(Start.Stable, operation: Operation.Move), inner => new LyingConnector(inner, sending => sending.ChangingAsync((command, reply) =>
            Sending.Is(command, "CLUSTER COUNTKEYSINSLOT") ? RespValue.Number(0) : Sending.Is(command, "CLUSTER GETKEYSINSLOT") ? RespValue.Array([]) : reply))),
        new(2, "gives the slot to a target that does not import, and so raises no epoch", "I1", Of(Start.Migrating) with { Options = new SceneOptions { HighSourceEpoch = true } }, inner => new LyingConnector(inner, GiveToIdleTargetAsync)),
        new(3, "looks for flags on source and target alone", "I4", Of(Start.SeveralImporters, operation: Operation.Repair) with { Options = new SceneOptions { Keys = 0 } }, inner => new LyingConnector(inner, sending => sending.ChangingAsync((command, reply) =>
            Sending.Is(command, "CLUSTER NODES") && sending.Endpoint.Host == "10.0.0.3" ? RespValue.Bulk(WithoutImports(reply.Text)) : reply))),
        new(4, "sets MIGRATING on the source before IMPORTING on the target", "I2", Of(Start.Stable, operation: Operation.Begin), MigratingFirst),
        new(5, "ends the import with STABLE before the keys are back", "I1", Of(Start.Migrating, ServerRules.Redis86Deleting, Operation.UndoByPullBack), inner => new LyingConnector(inner, StableBeforeMoveAsync)),
        new(6, "takes a transfer that broke for one that went well", "I1", Of(Start.Migrating), inner => GuessesOk(inner, "IOERR")) { Meanwhile = BreakFirstTransfer },
        new(7, "takes a batch that was refused for one that moved", "I1", Of(Start.Migrating) with { Options = new SceneOptions { Conflicts = 2 } }, inner => GuessesOk(inner, "BUSYKEY")),
        new(7, "takes a batch that was refused for one that moved, where many slots move at once", "I1", Of(Start.Migrating, operation: Operation.Move) with { Options = new SceneOptions { Conflicts = 2 } }, inner => GuessesOk(inner, "BUSYKEY")),
        new(8, "replaces whatever is on the target", "I1", Of(Start.Migrating) with { Options = new SceneOptions { Conflicts = 2 } }, inner => new LyingConnector(inner, sending => sending.ReplacingAsync(Replacing))),
        new(8, "replaces whatever is on the target, where many slots move at once", "I1", Of(Start.Migrating, operation: Operation.Move) with { Options = new SceneOptions { Conflicts = 2 } }, inner => new LyingConnector(inner, sending => sending.ReplacingAsync(Replacing))),
        new(9, "goes on with the roles that it has read at first", "done", Of(Start.Migrating) with { Options = new SceneOptions { TargetHasSlots = true } }, RemembersRoles) { Meanwhile = FailOverSoon },
        new(10, "takes a master that does not answer for one that is gone", "I1", Of(Start.Stable, operation: Operation.Repair) with { Options = new SceneOptions { Replicas = false } }, inner => inner)
        {
            Meanwhile = Absent, Instead = Operation.RepairWithoutAbsent,
        },
        new(11, "takes keys for text", "done", Of(Start.ImportingOnly), inner => new LyingConnector(inner, sending => sending.ChangingAsync((command, reply) =>
            Sending.Is(command, "CLUSTER GETKEYSINSLOT") ? RespValue.Array([.. reply.Items.Select(item => RespValue.Bulk(Encoding.UTF8.GetString(item.Bytes)))]) : reply))),
        new(11, "knows one database", "I1", Of(Start.Migrating, ServerRules.Valkey91WithDatabases), inner => new LyingConnector(inner, sending => sending.ChangingAsync((command, reply) =>
            Sending.Is(command, "CONFIG GET cluster-databases") ? RespValue.Array([reply.Items[0], RespValue.Bulk("1")]) : reply))),
        new(6, "takes a transfer that broke for one that went well, where many slots move at once", "I1", Of(Start.Stable, operation: Operation.Move), inner => GuessesOk(inner, "IOERR")) { Meanwhile = BreakFirstTransfer },
        new(12, "drops the slot of a source that holds keys", "I1", Of(Start.Migrating, ServerRules.Redis86Deleting), inner => new LyingConnector(inner, DropFirstAsync)),
    ];

    private static readonly ConditionalWeakTable<INodeConnector, Dictionary<string, (string Flags, string Master)>> Remembered = [];

    public override string ToString() => "law " + Law + ": " + Forgets;

    private static Scenario Of(Start start, ServerRules? rules = null, Operation? operation = null) =>
        new(rules ?? ServerRules.Redis70, start, operation ?? Operation.Complete, new SceneOptions());

    // STABLE on the target, then NODE: it claims the slot with the epoch that it has, and hears of the source's before the source hears of it.
    private static async Task<IReadOnlyList<RespValue>> GiveToIdleTargetAsync(Sending sending)
    {
        var last = Sending.Text(sending.Commands[0]).Split(' ');
        if (!Sending.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 NODE") || last[^1] != SimulatedNode.IdOf(3) || sending.Endpoint.Host != "10.0.0.4")
            return await sending.GoOnAsync();
        await sending.GoOnAsync([RespCommand.Of("CLUSTER", "SETSLOT", SlotMap.Moving, "STABLE")]);
        var replies = await sending.GoOnAsync();
        await sending.Connector.Clock.PauseAsync(TimeSpan.FromSeconds(5), default);
        return replies;
    }

    private static string WithoutImports(string nodes) => string.Join('\n', nodes.Split('\n').Select(line => string.Join(' ', line.Split(' ').Where(word => !word.Contains("-<-", StringComparison.Ordinal)))));

    private static LyingConnector MigratingFirst(INodeConnector inner)
    {
        Sending? import = null;
        return new LyingConnector(inner, async sending =>
        {
            if (Sending.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 IMPORTING"))
            {
                import = sending;
                return [RespValue.Simple("OK")];
            }

            var replies = await sending.GoOnAsync();
            if (Sending.Is(sending.Commands[0], "CLUSTER SETSLOT 5519 MIGRATING"))
            {
                await sending.Connector.Clock.PauseAsync(TimeSpan.FromMilliseconds(50), default);
                await import!.GoOnAsync();
            }

            return replies;
        });
    }

    private static async Task<IReadOnlyList<RespValue>> StableBeforeMoveAsync(Sending sending)
    {
        if (Sending.Is(sending.Commands[0], "MIGRATE "))
            await sending.GoOnAsync([RespCommand.Of("CLUSTER", "SETSLOT", SlotMap.Moving, "STABLE")]);
        return await sending.GoOnAsync();
    }

    // Keys of a MIGRATE that failed so are believed to have moved: they are neither listed nor counted on that node any more.
    private static LyingConnector GuessesOk(INodeConnector inner, string error)
    {
        var believed = new Dictionary<NodeEndpoint, HashSet<string>>();
        return new LyingConnector(inner, async sending =>
        {
            var moved = believed.TryGetValue(sending.Endpoint, out var known) ? known : believed[sending.Endpoint] = [];
            var stillThere = 0;
            return await sending.ChangingAsync((command, reply) =>
            {
                if (Sending.Is(command, "MIGRATE ") && reply.IsError && reply.Text.Contains(error, StringComparison.Ordinal))
                {
                    moved.UnionWith(command.Arguments.SkipWhile(word => SlotMap.Name(word) != "KEYS").Skip(1).Select(SlotMap.Name));
                    return RespValue.Simple("OK");
                }

                if (Sending.Is(command, "CLUSTER GETKEYSINSLOT"))
                {
                    stillThere = reply.Items.Count(item => moved.Contains(SlotMap.Name(item.Bytes)));
                    return RespValue.Array([.. reply.Items.Where(item => !moved.Contains(SlotMap.Name(item.Bytes)))]);
                }

                return Sending.Is(command, "CLUSTER COUNTKEYSINSLOT") ? RespValue.Number(Math.Max(0, reply.Integer - moved.Count)) : reply;
            });
        });
    }

    private static RespCommand Replacing(RespCommand command) => Sending.Is(command, "MIGRATE ") && SlotMap.Name(command.Arguments[6]) == "KEYS"
        ? RespCommand.Of([.. command.Arguments.Take(6), "REPLACE", .. command.Arguments.Skip(6)])
        : command;

    // For as long as the process lives, over all that it is asked to do.
    private static LyingConnector RemembersRoles(INodeConnector inner)
    {
        var roles = Remembered.GetValue(inner, _ => []);
        return new LyingConnector(inner, sending => sending.ChangingAsync((command, reply) =>
            Sending.Is(command, "CLUSTER NODES") ? RespValue.Bulk(string.Join('\n', reply.Text.Split('\n').Select(WithFirstRole))) : reply));

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

    private static async Task<IReadOnlyList<RespValue>> DropFirstAsync(Sending sending)
    {
        if (Sending.Is(sending.Commands[0], "MIGRATE "))
            await sending.GoOnAsync([RespCommand.Of("CLUSTER", "DELSLOTS", SlotMap.Moving)]);
        return await sending.GoOnAsync();
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

    // It comes back after the operation, with the keys that it has.
    private static void Absent(Scene scene)
    {
        scene.Source.Crash();
        foreach (var node in scene.Cluster.Nodes)
            node.Failed[scene.Source.Index] = true;
        scene.Cluster.Clock.After(TimeSpan.FromSeconds(1), scene.Source.Start);
    }
}
