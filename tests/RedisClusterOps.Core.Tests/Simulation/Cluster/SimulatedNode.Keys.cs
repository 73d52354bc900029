using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Commands on keys, and the node that serves them (src/cluster.c: getNodeByQuery).</summary>
internal sealed partial class SimulatedNode
{
    /// <summary>Runs one command.</summary>
    public RespValue Do(RespCommand command, ConnectionState connection)
    {
        if (IsCountOfRange(command))
        {
            connection.Asking = false;
            return Zero;
        }

        var call = new Call(command, connection);
        var name = call.Word(0);
        var asking = connection.Asking;
        // ASKING applies to the next command, or to a whole transaction.
        connection.Asking = name == "ASKING" || (asking && (name == "MULTI" || (connection.Queued is not null && name != "EXEC")));
        Keys.ExpireUntil(_cluster.Clock.Now);
        if (RefusesAllWith is { } refusal)
            return RespValue.Error(refusal);
        if (connection.Queued is { } queue && name is not ("EXEC" or "MULTI" or "DISCARD"))
        {
            if (name != "CLUSTER" && Redirection(call, name, asking) is { } wrong)
            {
                connection.QueueIsBad = true;
                return wrong;
            }

            queue.Add(command);
            return RespValue.Simple("QUEUED");
        }

        return name switch
        {
            "CLUSTER" => Cluster(call),
            "ASKING" or "READONLY" => Ok,
            "PING" => RespValue.Simple("PONG"),
            "WAIT" => RespValue.Number(_cluster.Nodes.Count(node => node.IsUp && !node.Lags && node.MasterOf[node.Index] == Index)),
            "CLIENT" => Client(call),
            "INFO" => RespValue.Bulk(Info()),
            "DBSIZE" => RespValue.Number(Keys.CountOf(call.Database)),
            "CONFIG" => Config(call),
            "SELECT" => Select(call),
            "MULTI" => Begin(connection),
            "EXEC" or "DISCARD" when connection.Queued is null => RespValue.Error("ERR " + name + " without MULTI"),
            "EXEC" => Execute(connection, asking),
            "DISCARD" => Discard(connection),
            "UNWATCH" => Unwatch(connection),
            _ => Redirection(call, name, asking) ?? OnKeys(call, name),
        };
    }

    // A fast path for slots that never have keys. A count of every slot of a cluster sends this 16384 times.
    private static bool IsCountOfRange(RespCommand command)
    {
        var words = command.Arguments;
        if (words.Count != 3 || words[1].Length != 15 || words[1][0] != 'C')
            return false;
        var slot = 0;
        foreach (var digit in words[2])
            slot = (slot * 10) + digit - '0';
        return slot is >= 0 and < HashSlot.Count && SlotMap.Ranges[SlotMap.PartOf(slot)].Count > 1;
    }

    private static readonly RespValue Zero = RespValue.Number(0);

    private bool IsHealthy => (!IsMaster || _cluster.Clock.Now >= _servesFrom)
        && Array.TrueForAll(Owner, owner => owner != NoNode && !Failed[owner]) && (!_cluster.DetectsFailures || SeesMajority());

    private string Info()
    {
        var evicted = Evicted.ToString(CultureInfo.InvariantCulture);
        var text = Rules.Info + "role:" + (IsMaster ? "master" : "slave") + "\r\nevicted_keys:" + evicted + "\r\n";
        for (var database = 0; database < Rules.Databases; database++)
        {
            if (Keys.CountOf(database) is > 0 and var keys)
                text += string.Create(CultureInfo.InvariantCulture, $"db{database}:keys={keys},expires=0,avg_ttl=0\r\n");
        }

        return text;
    }

    private RespValue Config(Call call)
    {
        const string follow = "cluster-allow-replica-migration";
        if (call.Word(1) == "SET" && call.Text(2) == follow)
        {
            AllowsReplicaMigration = call.Text(3) == "yes";
            return Ok;
        }

        return call.Text(2) switch
        {
            "cluster-databases" when Rules.FlagsAreReplicated => Setting(Rules.Databases.ToString(CultureInfo.InvariantCulture)),
            follow => Setting(AllowsReplicaMigration ? "yes" : "no"),
            _ => RespValue.Array([]),
        };

        RespValue Setting(string value) => RespValue.Array([RespValue.Bulk(call.Text(2)), RespValue.Bulk(value)]);
    }

    private RespValue Select(Call call)
    {
        if (call.Number(1) >= Rules.Databases)
            return RespValue.Error(Rules.FlagsAreReplicated ? "ERR DB index is out of range" : "ERR SELECT is not allowed in cluster mode");
        call.Connection.Database = (int)call.Number(1);
        return Ok;
    }

    /// <summary>Null if this node serves the command; otherwise the redirect or the error.</summary>
    private RespValue? Redirection(Call call, string name, bool asking)
    {
        var keys = KeysOf(call, name);
        if (keys.Count == 0)
            return null;
        var slot = HashSlot.Of(keys[0]);
        var number = slot.ToString(CultureInfo.InvariantCulture);
        if (keys.Count > 1 && keys.Any(key => HashSlot.Of(key) != slot))
            return RespValue.Error("CROSSSLOT Keys in request don't hash to the same slot");
        var part = SlotMap.PartOf(slot);
        if (Owner[part] == NoNode)
            return RespValue.Error("CLUSTERDOWN Hash slot not served");
        var migrating = Owner[part] == Index && Migrating[part] != NoNode;
        var importing = !migrating && Importing[part] != NoNode;
        if (!IsHealthy)
            return RespValue.Error("CLUSTERDOWN The cluster is down");
        if (name == "MIGRATE" && (migrating || importing))
            return null;
        var missing = migrating || importing ? keys.Count(key => Keys.Get(call.Database, part, SlotMap.Name(key)) is null) : 0;
        if (migrating && missing > 0)
        {
            return RespValue.Error(missing < keys.Count
                ? "TRYAGAIN Multiple keys request during rehashing of slot"
                : "ASK " + number + " " + _addresses[Migrating[part]]);
        }

        if (importing && (asking || name == "RESTORE-ASKING"))
            return keys.Count > 1 && missing > 0 ? RespValue.Error("TRYAGAIN Multiple keys request during rehashing of slot") : null;
        return Owner[part] == Index ? null : RespValue.Error("MOVED " + number + " " + _addresses[Owner[part]]);
    }

    private static List<byte[]> KeysOf(Call call, string name)
    {
        switch (name)
        {
            case "MIGRATE":
                return [.. KeysOfMigrate(call)];
            case "MEMORY":
                return [call.Raw(2)];
            case "WATCH" or "MGET" or "EXISTS" or "DEL":
                return [.. Enumerable.Range(1, call.Count - 1).Select(call.Raw)];
            default:
                return call.Count > 1 ? [call.Raw(1)] : [];
        }
    }

    private RespValue OnKeys(Call call, string name)
    {
        if (name == "MIGRATE")
            return Migrate(call);
        if (call.Count < 2)
            return RespValue.Error("ERR unknown command '" + name + "'");
        var raw = call.Raw(name == "MEMORY" ? 2 : 1);
        var key = SlotMap.Name(raw);
        var part = SlotMap.PartOf(raw);
        var value = Keys.Get(call.Database, part, key);
        switch (name)
        {
            case "GET":
                return Reply(value);
            case "SET":
                Keys.Set(call.Database, part, key, new StoredValue(call.Text(2)));
                return Ok;
            case "INCR":
                var next = (value is null ? 0 : long.Parse(value.Text, CultureInfo.InvariantCulture)) + 1;
                Keys.Set(call.Database, part, key, new StoredValue(next.ToString(CultureInfo.InvariantCulture), value?.ExpiresAt));
                return RespValue.Number(next);
            case "EXISTS":
                return RespValue.Number(KeysOf(call, name).Count(each => Keys.Get(call.Database, part, SlotMap.Name(each)) is not null));
            case "MGET":
                return RespValue.Array([.. KeysOf(call, name).Select(each => Reply(Keys.Get(call.Database, part, SlotMap.Name(each))))]);
            case "DEL":
                return RespValue.Number(KeysOf(call, name).Count(each => Keys.Remove(call.Database, part, SlotMap.Name(each))));
            case "PFCOUNT":
                return value is null ? Zero : RespValue.Error("WRONGTYPE Key is not a valid HyperLogLog string value.");
            case "TYPE":
                return RespValue.Simple(value is null ? "none" : "string");
            case "DUMP":
                return value is null ? RespValue.Null : RespValue.Bulk(SlotMap.Bytes(value.Text + "\0dump"));
            case "PTTL":
                return RespValue.Number(
                    value is null ? -2 : value.ExpiresAt is { } at ? (long)(at - _cluster.Clock.Now).TotalMilliseconds : -1);
            case "MEMORY":
                return value is null ? RespValue.Null : RespValue.Number(value.Text.Length + 50);
            case "WATCH":
                foreach (var each in KeysOf(call, name))
                    call.Connection.Watched[SlotMap.Name(each)] = Keys.Get(call.Database, part, SlotMap.Name(each));
                return Ok;
            case "RESTORE" or "RESTORE-ASKING":
                return Restore(call, part, key, value);
            default:
                return RespValue.Error("ERR unknown command '" + name + "'");
        }
    }

    private static RespValue Reply(StoredValue? value) => value is null ? RespValue.Null : RespValue.Bulk(SlotMap.Bytes(value.Text));

    private RespValue Restore(Call call, int part, string key, StoredValue? value)
    {
        var replace = Enumerable.Range(4, Math.Max(0, call.Count - 4)).Any(i => call.Word(i) == "REPLACE");
        if (value is not null && !replace)
            return RespValue.Error("BUSYKEY Target key name already exists.");
        if (key == CannotRestore)
            return RespValue.Error("ERR Bad data format");
        if (EvictsNext > 0)
        {
            (EvictsNext, Evicted) = (EvictsNext - 1, Evicted + 1);
            _cluster.Ledger.ExcuseReplication(call.Database, key, null);
            return Ok;
        }

        var left = call.Number(2);
        TimeSpan? expiry = left > 0 ? _cluster.Clock.Now + TimeSpan.FromMilliseconds(left) : null;
        Keys.Set(call.Database, part, key, new StoredValue(call.Text(3).Replace("\0dump", string.Empty), expiry));
        return Ok;
    }
}
