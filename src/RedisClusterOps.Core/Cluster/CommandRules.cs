using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace RedisClusterOps.Cluster;

/// <summary>Which commands may be sent to nodes as they are, and which of them only read.</summary>
internal static class CommandRules
{
    // Commands that only read, although the servers do not flag them as readonly.
    private static readonly HashSet<string> Reading = new(StringComparer.Ordinal)
    {
        "INFO", "PING", "ECHO", "TIME", "ROLE", "LASTSAVE", "DBSIZE", "COMMAND", "LOLWUT", "PUBSUB", "OBJECT", "XINFO",
        "CONFIG GET", "MODULE LIST", "FUNCTION LIST", "FUNCTION STATS", "FUNCTION DUMP", "SCRIPT EXISTS", "SCRIPT SHOW",
        "CLUSTER INFO", "CLUSTER NODES", "CLUSTER SLOTS", "CLUSTER SHARDS", "CLUSTER LINKS", "CLUSTER MYID", "CLUSTER MYSHARDID",
        "CLUSTER REPLICAS", "CLUSTER SLAVES", "CLUSTER COUNTKEYSINSLOT", "CLUSTER GETKEYSINSLOT", "CLUSTER KEYSLOT",
        "CLUSTER COUNT-FAILURE-REPORTS", "CLUSTER SLOT-STATS", "CLUSTER GETSLOTMIGRATIONS",
        "CLIENT LIST", "CLIENT INFO", "CLIENT ID", "CLIENT GETNAME", "CLIENT GETREDIR", "CLIENT TRACKINGINFO",
        "ACL WHOAMI", "ACL LIST", "ACL USERS", "ACL GETUSER", "ACL CAT", "ACL DRYRUN", "ACL GENPASS",
        "SLOWLOG GET", "SLOWLOG LEN", "COMMANDLOG GET", "COMMANDLOG LEN",
        "LATENCY LATEST", "LATENCY HISTORY", "LATENCY HISTOGRAM", "LATENCY GRAPH", "LATENCY DOCTOR",
        "MEMORY USAGE", "MEMORY STATS", "MEMORY DOCTOR", "MEMORY MALLOC-STATS",
    };

    // Their effect ends with the connection, which ends with the cmdlet, or they never end.
    private static readonly HashSet<string> OfConnection = new(StringComparer.Ordinal)
    {
        "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "SELECT", "AUTH", "HELLO", "RESET", "QUIT", "READONLY", "READWRITE", "ASKING",
        "CLIENT REPLY", "CLIENT SETNAME", "CLIENT SETINFO", "CLIENT TRACKING", "CLIENT CACHING", "CLIENT NO-EVICT", "CLIENT NO-TOUCH",
        "CLIENT CAPA", "CLIENT IMPORT-SOURCE",
    };

    private static readonly HashSet<string> Endless = new(StringComparer.Ordinal)
    {
        "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR", "SYNC", "PSYNC", "REPLCONF",
    };

    /// <summary>Whether the command only reads: the server flags it as readonly, or its name is known to.</summary>
    /// <param name="line">The command.</param>
    /// <param name="flags">The flags of COMMAND INFO; null if the node does not report them.</param>
    public static bool OnlyReads(CommandLine line, IReadOnlyCollection<string>? flags)
    {
        if (flags is not null && flags.Contains("readonly") && !flags.Contains("write"))
            return true;
        var path = line.Name + " " + line.Subcommand;
        return Reading.Contains(line.Name) || Reading.Contains(path)
            || (line.Subcommand == "HELP" && line.Words.Count == 2)
            || (path == "ACL LOG" && !IsWord(line, 2, "RESET"))
            || (path == "CLUSTER MIGRATION" && IsWord(line, 2, "STATUS"));
    }

    /// <summary>Why the command must not be sent; null if it may be.</summary>
    /// <param name="line">The command.</param>
    /// <param name="commandTimeout">How long this module waits for a reply.</param>
    public static RedisOperationException? RefusalOf(CommandLine line, TimeSpan commandTimeout)
    {
        var path = line.Name is "CLUSTER" or "CLIENT" ? line.Name + " " + line.Subcommand : line.Name;
        if (OperationFor(line, path) is { } operation)
        {
            var why = operation.Code is NextActionCode.MeetNode or NextActionCode.RemoveNode or NextActionCode.SetReplica
                or NextActionCode.FailOver or NextActionCode.CreateCluster
                ? " changes the members of the cluster without a check of keys, replicas and the other nodes."
                : " changes slots or their keys without the checks that keep keys safe.";
            return Refused(path + why, operation);
        }

        if (OfConnection.Contains(path))
            return Refused(path + " changes only the connection, which is closed after the command.", NoConnectionState(path));
        if (Endless.Contains(path))
            return Refused(path + " has no single reply: it turns the connection into a stream.", NextAction.Advise(
                "use a client program for it; CLIENT LIST, SLOWLOG GET and INFO commandstats show what clients do"));
        if (BlockingTimeout(line) is not { } wait || (wait > TimeSpan.Zero && wait < commandTimeout))
            return null;
        var limit = commandTimeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + " s";
        return Refused(
            line.Name + " may block for " + (wait == TimeSpan.Zero ? "ever" : "longer than the command timeout of " + limit)
                + ". A value that the server removes after that would be lost.",
            NextAction.Advise("specify a timeout above 0 and below " + limit));
    }

    private static NextAction NoConnectionState(string path) => path switch
    {
        "AUTH" or "HELLO" => new NextAction(NextActionCode.Connect) { Options = NextActionOptions.Credential },
        "MULTI" or "EXEC" or "WATCH" => NextAction.Advise("use a script (EVAL) for several commands at once"),
        _ => NextAction.Advise("send the command that needs it with a client program"),
    };

    // The operation that does it safely.
    private static NextAction? OperationFor(CommandLine line, string path) => path switch
    {
        "CLUSTER SETSLOT" when IsWord(line, 3, "STABLE") || IsWord(line, 3, "NODE") => Of(NextActionCode.Complete, SlotOf(line)) with
        {
            Or = Of(NextActionCode.Undo, SlotOf(line)),
        },
        "CLUSTER SETSLOT" => Of(NextActionCode.MoveSlots, SlotOf(line)),
        "CLUSTER ADDSLOTS" or "CLUSTER ADDSLOTSRANGE" or "CLUSTER BUMPEPOCH" => Of(NextActionCode.Repair),
        "CLUSTER DELSLOTS" or "CLUSTER DELSLOTSRANGE" or "CLUSTER FLUSHSLOTS" or "CLUSTER MIGRATESLOTS" or "CLUSTER SYNCSLOTS" =>
            Of(NextActionCode.MoveSlots),
        "CLUSTER CANCELSLOTMIGRATIONS" => Of(NextActionCode.ShowRunningRuns),
        "CLUSTER MIGRATION" when IsWord(line, 2, "IMPORT") => Of(NextActionCode.MoveSlots),
        "CLUSTER MIGRATION" when IsWord(line, 2, "CANCEL") => Of(NextActionCode.ShowRunningRuns),
        "CLUSTER MEET" => Of(NextActionCode.MeetNode),
        "CLUSTER FORGET" => Of(NextActionCode.RemoveNode),
        "CLUSTER RESET" => Of(NextActionCode.RemoveNode) with { Options = NextActionOptions.Reset },
        "CLUSTER REPLICATE" or "REPLICAOF" or "SLAVEOF" => Of(NextActionCode.SetReplica),
        "CLUSTER FAILOVER" or "FAILOVER" => Of(NextActionCode.FailOver),
        "CLUSTER SET-CONFIG-EPOCH" => Of(NextActionCode.CreateCluster),
        "MIGRATE" or "RESTORE-ASKING" => Of(NextActionCode.MoveKeys),
        _ => null,
    };

    private static NextAction Of(NextActionCode code, string? slot = null) => new(code) { Slots = slot };

    private static string? SlotOf(CommandLine line)
    {
        var word = line.Words.ElementAtOrDefault(2);
        return int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var slot) && slot < HashSlot.Count ? word : null;
    }

    /// <summary>How long the command may block on the server; zero for ever; null if it does not block.</summary>
    private static TimeSpan? BlockingTimeout(CommandLine line)
    {
        var words = line.Words;
        return line.Name switch
        {
            "BLPOP" or "BRPOP" or "BZPOPMIN" or "BZPOPMAX" or "BRPOPLPUSH" or "BLMOVE" => Time(words[words.Count - 1], 1000),
            "BLMPOP" or "BZMPOP" => Time(words.ElementAtOrDefault(1), 1000),
            "WAIT" or "WAITAOF" => Time(words[words.Count - 1], 1),
            "XREAD" or "XREADGROUP" => words.Skip(1).Select((word, i) => (word, i))
                .Where(each => string.Equals(each.word, "BLOCK", StringComparison.OrdinalIgnoreCase))
                .Select(each => Time(words.ElementAtOrDefault(each.i + 2), 1)).FirstOrDefault(),
            _ => null,
        };

        // What is not a number is left for the server to refuse.
        static TimeSpan? Time(string? text, int milliseconds) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and < 1e9
                ? TimeSpan.FromMilliseconds(value * milliseconds)
                : null;
    }

    private static bool IsWord(CommandLine line, int index, string word) =>
        line.Words.Count > index && string.Equals(line.Words[index], word, StringComparison.OrdinalIgnoreCase);

    private static RedisOperationException Refused(string message, NextAction next) =>
        new(FailureCode.CommandRefused, message + " It was not sent.", next: next);
}
