using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// One random history: a cluster, a state, an operation with random faults, and the same operation again until it succeeds.
/// </summary>
internal sealed class History
{
    private const int MostDisturbed = 2;
    private const int MostUndisturbed = 4;

    private static readonly string Journal = Path.Combine(Path.GetTempPath(), "redisclusterops-simulation-" + Environment.ProcessId);

    private readonly Random _dice;
    private readonly int _seed;
    private readonly Scene _scene;
    private readonly MoveOptions _options;
    private readonly List<Attempt> _attempts = [];
    private readonly MembershipEvents? _members;
    private TimeSpan _stalledUntil;

    private History(int seed, bool trace, Scenario? fixedTo, bool membersChange)
    {
        _seed = seed;
        _dice = new Random(seed);
        Scenario = fixedTo ?? Scenario.Any(_dice);
        if (membersChange)
            Scenario = Scenario with { Options = Scenario.Options with { Spares = 1 } };
        _scene = new Scene(Scenario.Rules, Scenario.Start, seed, Scenario.Options);
        _scene.Cluster.Trace = trace ? [] : null;
        _options = new MoveOptions
        {
            BatchSize = _dice.Next(5),
            OnKeyConflict = _dice.Next(2) == 0 ? KeyConflictAction.Stop : KeyConflictAction.KeepInUse,
            JournalPath = Journal,
        };
        var undoes = Scenario.Operation == Operation.UndoByRoundTrip || Scenario.Operation == Operation.UndoByPullBack;
        _members = membersChange ? new MembershipEvents(_scene, _dice, undoes) : null;
        _members?.Prepare();
    }

    public int Seed => _seed;

    public Scenario Scenario { get; }

    public IReadOnlyList<string> Violations => _scene.Cluster.Ledger.Violations;

    /// <summary>True if the slot was handed over while a failover of the source could not be known yet.</summary>
    public bool MetRace => _scene.Cluster.Ledger.MetRace;

    public IReadOnlyList<Attempt> Attempts => _attempts;

    /// <summary>True if the last attempt succeeded, or an earlier one that died had succeeded.</summary>
    public bool Succeeded =>
        _attempts[^1].Succeeded || (_attempts[^1].Failure?.Code == FailureCode.SlotNotOpen && Scenario.Operation.IsDone(_scene));

    public IReadOnlyList<string> Trace => _scene.Cluster.Trace ?? [];

    /// <param name="membersChange">True if the events include those of members.</param>
    public static History Run(int seed, bool trace = false, Scenario? fixedTo = null, bool membersChange = false)
    {
        var history = new History(seed, trace, fixedTo, membersChange);
        history.Run(connector => connector);
        return history;
    }

    private void Run(Func<INodeConnector, INodeConnector> through)
    {
        var cluster = _scene.Cluster;
        var disturbed = _dice.Next(MostDisturbed + 1);
        for (var i = 0; i < disturbed; i++)
        {
            // Most sends of an operation read. The range is small enough to hit the few that write.
            var connector = new MishapConnector(through(cluster), 1 + _dice.Next(70), (Mishap)_dice.Next(5), () => Disturb());
            _attempts.Add(Scenario.Operation.Run(_scene, connector, _options));
            cluster.Clock.Pass(cluster.Random(_dice.Next(3) == 0 ? 3000 : 5));
        }

        cluster.Ledger.RequireNothingLost();
        Heal();
        for (var i = 0; i < MostUndisturbed && (_attempts.Count == 0 || i == 0 || !Succeeded); i++)
        {
            // An operator keeps the value that clients use, which is the same option for every operation.
            var options = i == 0 ? _options : _options with { OnKeyConflict = KeyConflictAction.KeepInUse };
            _attempts.Add(Scenario.Operation.Run(_scene, through(cluster), options));
        }

        cluster.Settle();
        Judge(through);
    }

    private void Judge(Func<INodeConnector, INodeConnector> through)
    {
        if (!Succeeded)
        {
            _scene.Cluster.Ledger.RequireNothingLost();
            return;
        }

        Scenario.Operation.RequireDone(_scene);
        var again = Scenario.Operation.Run(_scene, through(_scene.Cluster), _options);
        if (again.Writes > 0 && !_scene.Cluster.Ledger.HasCopies)
            _scene.Cluster.Ledger.Violate("I6: a second run sent " + again.Writes + " commands that write");
    }

    // Restarts all nodes and lets them exchange gossip.
    private void Heal()
    {
        _scene.Cluster.TransferBreaks = null;
        foreach (var node in _scene.Cluster.Nodes.Where(node => node.IsMember))
        {
            node.Start();
            node.CatchUp();
        }

        _members?.Heal();
        _scene.Cluster.Settle();
        // A failed master that still owns slots stays failed for twice the timeout.
        if (_members is not null)
            _scene.Cluster.PassQuietly(4 * SimulatedNode.NodeTimeout);
    }

    private void Disturb()
    {
        if (_members is not null && _dice.Next(4) > 0)
        {
            _members.Occur();
            return;
        }

        var cluster = _scene.Cluster;
        var node = cluster.Nodes[_dice.Next(cluster.Nodes.Count)];
        switch (_dice.Next(9))
        {
            case 0:
                Crash(node);
                break;
            case 1:
                Crash(_scene.MasterOf(_dice.Next(2) == 0 ? _scene.Source : _scene.Target));
                break;
            case 2:
                FailOver(_scene.MasterOf(_dice.Next(2) == 0 ? _scene.Source : _scene.Target), crash: true);
                break;
            case 3:
                FailOver(node, crash: false);
                break;
            case 4:
                var stall = cluster.Random(1500);
                cluster.Stall(node.Index, stall);
                _stalledUntil = cluster.Clock.Now + stall;
                break;
            case 5:
                var left = 1 + _dice.Next(3);
                cluster.TransferBreaks = (_, keys) => left-- > 0 ? _dice.Next(keys + 1) : null;
                break;
            case 6:
                node.BeginToLag();
                cluster.Clock.After(cluster.Random(1000), node.CatchUp);
                break;
            // Another tool raises an epoch. Not that of the source, because no order of commands could prevent a loss during the handover.
            case 7 when node.IsMaster && node != _scene.MasterOf(_scene.Source):
                if (node.BumpWithoutConsensus())
                    node.Broadcast();
                break;
        }
    }

    private void Crash(SimulatedNode node)
    {
        // A spare that has not joined does not run yet.
        if (!node.IsMember)
            return;
        node.Crash();
        _scene.Cluster.Clock.After(_scene.Cluster.Random(3000), node.Start);
    }

    /// <remarks>
    /// An election takes time: a dead master is suspected after a second, then the masters vote. By then the other nodes know a new
    /// owner of the slot; otherwise the elected replica could take the slot and the keys back. So no bus link stalls during that time:
    /// a target that is cut off during a failover of its source loses the slot for any order of commands.
    /// </remarks>
    private void FailOver(SimulatedNode master, bool crash)
    {
        var cluster = _scene.Cluster;
        if (!master.IsMaster || !master.IsUp || cluster.Clock.Now < _stalledUntil)
            return;
        if (crash)
            Crash(master);
        // Without replicated flags, clients cannot see the moved keys until the flags are set again.
        if (!Scenario.Rules.FlagsAreReplicated)
            _scene.Traffic.Suspend();
        cluster.Clock.After(TimeSpan.FromMilliseconds(crash ? 1000 : 2) + cluster.Random(2), () =>
        {
            if (master.IsMaster && master.IsUp != crash && cluster.Clock.Now >= _stalledUntil)
                cluster.FailOver(master);
        });
    }

    /// <summary>Describes how to run it again, the attempts, and the broken invariants.</summary>
    public override string ToString() =>
        "seed " + _seed + " (RCO_SEED=" + _seed + "): " + Scenario
        + "\n  " + string.Join("\n  ", _attempts) + "\n  " + string.Join("\n  ", Violations.Take(10));
}

/// <summary>The start of a history.</summary>
internal sealed record Scenario(ServerRules Rules, Start Start, Operation Operation, SceneOptions Options)
{
    public static Scenario Any(Random dice)
    {
        var rules = ServerRules.All[dice.Next(ServerRules.All.Length)];
        var operation = Operation.All[dice.Next(Operation.All.Length)];
        // On a server that hides keys, a repair counts every slot twice, thirty times the work of any other operation.
        if (operation == Operation.Repair && rules.HidesForeignKeys && dice.Next(10) > 0)
            rules = ServerRules.Redis70;
        var starts = operation.Starts.Where(start => Scene.Exists(rules, start)).ToArray();
        return new Scenario(rules, starts[dice.Next(starts.Length)], operation, new SceneOptions
        {
            Keys = dice.Next(13),
            TargetHasSlots = dice.Next(2) == 0,
            LastSlotOfSource = dice.Next(6) == 0,
            Replicas = dice.Next(4) > 0,
            Copies = dice.Next(4) == 0 ? dice.Next(3) : 0,
            Clients = dice.Next(3),
        });
    }
}
