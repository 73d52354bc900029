using System;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// The nodes that this node knows, and at which address. Each node has its own list. A message of an unknown node is answered and
/// otherwise ignored, unless it is a MEET (src/cluster_legacy.c: clusterProcessPacket, clusterProcessGossipSection).
/// </summary>
internal sealed partial class SimulatedNode
{
    /// <summary>The time in which a forgotten node is not added again by gossip.</summary>
    public static readonly TimeSpan BanOfForgotten = TimeSpan.FromSeconds(60);

    private readonly TimeSpan[] _bannedUntil;

    // Null if another node answers at the last known address.
    private readonly NodeEndpoint?[] _addresses;

    // One bit for each node, itself included.
    private int _known;

    private bool _hasForgotten;

    /// <summary>False for a spare that has not started yet.</summary>
    public bool IsMember => Knows(Index);

    public bool Knows(int node) => (_known & (1 << node)) != 0;

    /// <summary>The address of a node in the view of this one; null if it knows none.</summary>
    public NodeEndpoint? AddressOf(int node) => _addresses[node];

    /// <summary>Adds a node with nothing but its address. Its role, epoch and slots follow with its first message.</summary>
    public void Add(SimulatedNode other)
    {
        _known |= 1 << other.Index;
        _addresses[other.Index] = other.Endpoint;
        _heardAt[other.Index] = _cluster.Clock.Now;
    }

    /// <summary>CLUSTER MEET: both nodes add each other, and the other one learns of all nodes that this one knows.</summary>
    public void Meet(SimulatedNode other)
    {
        if (other == this || !other.IsUp || _cluster.IsCut(Index, other.Index))
            return;
        if (!Knows(other.Index))
            Add(other);
        _cluster.Send(Index, other.Index, CreateMessage(wantsReply: true) with { IsMeet = true });
    }

    /// <summary>CLUSTER FORGET: the node loses its slots, its flags and its epoch in the view of this one.</summary>
    public void Forget(int other) => Forget(other, _cluster.Clock.Now + BanOfForgotten);

    private void Forget(int other, TimeSpan bannedUntil)
    {
        _cluster.Note(this + " forgets n" + other);
        _bannedUntil[other] = bannedUntil;
        _hasForgotten = true;
        if (!Knows(other))
            return;
        _known &= ~(1 << other);
        _suspected &= ~(1 << other);
        _reports[other] = 0;
        Failed[other] = false;
        ConfigEpoch[other] = 0;
        MasterOf[other] = NoNode;
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            if (Owner[part] == other)
                SetOwner(part, NoNode);
            if (Migrating[part] == other)
                Migrating[part] = NoNode;
            if (Importing[part] == other)
                Importing[part] = NoNode;
        }
    }

    /// <summary>The process restarts at another address. The others learn it from its messages, we do not.</summary>
    public void MoveTo(NodeEndpoint endpoint)
    {
        _cluster.Note(this + " moves to " + endpoint);
        _cluster.Rename(this, endpoint);
        _addresses[Index] = endpoint;
    }

    /// <summary>The node lost its disk but not its name: it starts with its view of the cluster and without keys.</summary>
    public void LoseKeys()
    {
        _cluster.Note(this + " loses its " + Keys.Count + " keys");
        foreach (var (database, _, key, value) in AllKeys().ToList())
            _cluster.Ledger.ExcuseStart(database, key, value);
        Keys = new Dataset(Rules.Databases);
    }

    private bool IsBanned(int node) => _cluster.Clock.Now < _bannedUntil[node];

    private int Forgotten() => !_hasForgotten || !Rules.ForgetSpreads ? 0
        : Enumerable.Range(0, _bannedUntil.Length).Where(IsBanned).Aggregate(0, (bits, node) => bits | (1 << node));

    // A node that the sender has forgotten is forgotten here too, for the rest of that minute. A replica keeps its master.
    private void ReceiveForgotten(SimulatedNode sender, int forgotten)
    {
        for (var node = 0; forgotten != 0 && node < _bannedUntil.Length; node++)
        {
            if ((forgotten & (1 << node)) != 0 && Knows(node) && node != Index && MasterOf[Index] != node)
                Forget(node, sender._bannedUntil[node]);
        }
    }

    // A node that the sender knows is added with the address that the sender has.
    private void ReceiveMembers(Gossip message)
    {
        if ((message.Known & ~_known) == 0)
            return;
        foreach (var other in _cluster.Nodes)
        {
            var isNew = (message.Known & ~_known & (1 << other.Index)) != 0;
            if (!isNew || IsBanned(other.Index) || _cluster.Nodes[message.From].AddressOf(other.Index) is not { } address)
                continue;
            _cluster.Note(this + " learns of " + other + " from n" + message.From);
            Add(other);
            _addresses[other.Index] = address;
        }
    }

    public void PingOther(int other) => SendTo(other, CreateMessage(wantsReply: true));

    // Another node answers at that address: the address is dropped, and the node stays listed.
    private void SendTo(int other, Gossip message)
    {
        if (!Knows(other))
            return;
        if (_addresses[other] == _cluster.Nodes[other].Endpoint)
            _cluster.Send(Index, other, message);
        else if (_addresses[other] is { } address && _cluster.At(address) is { IsUp: true })
            _addresses[other] = null;
    }

    private RespValue ForgetNode(Call call)
    {
        var other = _cluster.Nodes.FirstOrDefault(node => node.Id == call.Text(2));
        // Another node may have announced that it is forgotten.
        if (other is not null && !Knows(other.Index) && IsBanned(other.Index) && Rules.ForgetSpreads)
            return Ok;
        if (other is null || !Knows(other.Index))
            return RespValue.Error("ERR Unknown node " + call.Text(2));
        if (other == this)
            return RespValue.Error("ERR I tried hard but I can't forget myself...");
        if (MasterOf[Index] == other.Index)
            return RespValue.Error("ERR Can't forget my master!");
        Forget(other.Index);
        return Ok;
    }

    private RespValue MeetNode(Call call)
    {
        if (_cluster.At(new NodeEndpoint(call.Text(2), (int)call.Number(3))) is { } other)
            Meet(other);
        return Ok;
    }

    // SOFT keeps the id and the epochs.
    private RespValue Reset()
    {
        if (IsMaster && Keys.Count > 0)
            return RespValue.Error("ERR CLUSTER RESET can't be called with master nodes containing keys");
        Keys = new Dataset(Rules.Databases);
        Lags = false;
        for (var other = 0; other < _addresses.Length; other++)
        {
            if (other != Index)
                Forget(other);
        }

        Array.Clear(_bannedUntil);
        MasterOf[Index] = NoNode;
        Array.Fill(Owner, NoNode);
        Array.Fill(Migrating, NoNode);
        Array.Fill(Importing, NoNode);
        return Ok;
    }

    private string AddressText(int node) => _addresses[node] is { } address
        ? address.Host + ":" + address.Port.ToString(CultureInfo.InvariantCulture) + "@16379"
        : ":0@0";
}
