using System;
using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// What happens to the members of a cluster while an operation runs: links and replies that fail, nodes that are forgotten, join or
/// move, and replicas that take over without votes.
/// </summary>
/// <remarks>
/// Beyond every order of commands, and so never an event here: a takeover while the old master still serves clients, two of them at
/// once, and a takeover by a replica whose links stall (law 16). What a takeover may lose otherwise, the node itself decides
/// (<see cref="SimulatedNode.TakeOver"/>).
/// </remarks>
/// <param name="undoes">
/// True if the operation is an undo. Without a journal it knows its direction by the flags alone, and the servers drop those of a
/// forgotten node, so no end is forgotten then.
/// </param>
internal sealed class MembershipEvents(Scene scene, Random dice, bool undoes)
{
    private static readonly string[] Errors =
    [
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "LOADING Redis is loading the dataset in memory",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "ERR max number of clients reached",
    ];

    private readonly List<Action> _undo = [];

    private bool _wasForgotten;
    private bool _tookOver;

    private SimulatedCluster Cluster => scene.Cluster;

    /// <summary>Prepares a cluster in which nodes watch each other, replicas hear late, and any of two ids is the smaller one.</summary>
    public void Prepare()
    {
        Cluster.DetectsFailures = true;
        Cluster.ReplicasHearLater = dice.Next(2) == 0 ? (0, 0) : (1, scene.Cluster.Rules.FlagsAreReplicated ? 39 : 142);
        foreach (var replica in Cluster.Nodes.Where(node => !node.IsMaster && dice.Next(2) == 0))
            replica.Id = new string((char)('0' + replica.Index), 40);
    }

    public void Occur()
    {
        var node = Any();
        switch (dice.Next(9))
        {
            case 0:
                var other = Any();
                Cluster.Cut(node.Index, other.Index);
                Later(5000, () => Cluster.Cut(node.Index, other.Index, isCut: false));
                break;
            case 1:
                node.IsHiddenFromUs = true;
                Later(3000, () => node.IsHiddenFromUs = false);
                break;
            case 2 or 3:
                Refuse(dice.Next(2) == 0 ? node : End());
                break;
            case 4 or 5:
                TakeOver(End());
                break;
            case 6:
                Forget(Any(), node);
                break;
            case 7:
                Move(node);
                break;
            default:
                Join();
                break;
        }
    }

    /// <summary>Ends all faults. Nodes that were forgotten are met again after the ban.</summary>
    public void Heal()
    {
        foreach (var undo in _undo)
            undo();
        _undo.Clear();
        foreach (var node in Cluster.Nodes.Where(node => node.IsUp))
            node.RefusesAllWith = node.RefusesUsWith = null;
        if (_wasForgotten)
            Cluster.PassQuietly(SimulatedNode.BanOfForgotten + TimeSpan.FromSeconds(1));
        _wasForgotten = false;
        var members = Cluster.Nodes.Where(node => node.IsUp).ToList();
        foreach (var node in members)
        {
            // Two nodes that both moved do not find each other by themselves before they report each other as failed.
            foreach (var other in members.Where(other => other != node
                && (!node.Knows(other.Index) || node.AddressOf(other.Index) != other.Endpoint)))
                node.Meet(other);
        }
    }

    private SimulatedNode Any() => Running()[dice.Next(Running().Count)];

    private List<SimulatedNode> Running() => [.. Cluster.Nodes.Where(node => node.IsUp)];

    private SimulatedNode End() => scene.MasterOf(dice.Next(2) == 0 ? scene.Source : scene.Target);

    private void Later(double milliseconds, Action mend)
    {
        _undo.Add(mend);
        Cluster.Clock.After(Cluster.Random(milliseconds), mend);
    }

    private void Refuse(SimulatedNode node)
    {
        var error = Errors[dice.Next(Errors.Length)];
        Cluster.Note(node + " replies " + error);
        if (error[0] is 'B' or 'L')
            node.RefusesAllWith = error;
        else
            node.RefusesUsWith = error;
        Later(3000, () => node.RefusesAllWith = node.RefusesUsWith = null);
    }

    private void TakeOver(SimulatedNode master)
    {
        if (!master.IsMaster || !master.IsUp || _tookOver)
            return;
        _tookOver = true;
        master.Crash();
        // Without replicated flags, clients cannot see the moved keys until the flags are set again.
        if (!Cluster.Rules.FlagsAreReplicated)
            scene.Traffic.Suspend();
        Cluster.Clock.After(Cluster.Random(dice.Next(2) == 0 ? 1 : 400), () =>
        {
            var replica = Cluster.Nodes.FirstOrDefault(node => node.IsUp && node.MasterOf[node.Index] == master.Index);
            if (!master.IsUp)
                replica?.TakeOver();
        });
        Cluster.Clock.After(TimeSpan.FromMilliseconds(400) + Cluster.Random(2600), master.Start);
    }

    private void Forget(SimulatedNode node, SimulatedNode forgotten)
    {
        if (node == forgotten || node.MasterOf[node.Index] == forgotten.Index)
            return;
        var isEnd = forgotten == scene.MasterOf(scene.Source) || forgotten == scene.MasterOf(scene.Target);
        if (isEnd && undoes)
            return;
        _wasForgotten = true;
        // Clients cannot see the moved keys until the dropped flags are set again.
        if (isEnd)
            scene.Traffic.Suspend();
        node.Forget(forgotten.Index);
    }

    // The process restarts at once: an address does not change while it runs.
    private void Move(SimulatedNode node)
    {
        if (node.Endpoint == scene.Session.Seeds[0])
            return;
        node.Crash();
        node.MoveTo(new NodeEndpoint("10.0.9." + (node.Index + 1).ToString(System.Globalization.CultureInfo.InvariantCulture), 6379));
        node.Start();
    }

    private void Join()
    {
        if (Cluster.Nodes[^1] is not { IsUp: false } spare || spare.IsMember)
            return;
        Cluster.Note(spare + " joins");
        spare.Add(spare);
        spare.Start();
        scene.MasterOf(scene.Source).Meet(spare);
    }
}
