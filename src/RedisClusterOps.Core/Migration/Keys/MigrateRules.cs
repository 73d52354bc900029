using System;
using System.Globalization;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>What the reply to a MIGRATE means for its keys.</summary>
internal enum MigrateReply
{
    /// <summary>All keys that existed have moved.</summary>
    Moved,

    /// <summary>No key existed on the source.</summary>
    NothingThere,

    /// <summary>At least one key exists on the target; the others have moved.</summary>
    KeyExists,

    /// <summary>The transfer broke: each key may or may not have arrived.</summary>
    Unknown,

    /// <summary>The source can't reach the target: no key has moved.</summary>
    Unreachable,

    /// <summary>The target is busy for a moment.</summary>
    TryLater,

    /// <summary>The flags of the slot changed on the source or the target.</summary>
    SlotChanged,

    /// <summary>The target is out of memory.</summary>
    OutOfMemory,

    /// <summary>The target refused the login. A target that needs none may have accepted the keys.</summary>
    NotLoggedIn,

    /// <summary>The user lacks a permission on the source or the target.</summary>
    NotAllowed,

    /// <summary>The target can't read the source's payload: its version is older, or it lacks the module of the type.</summary>
    PayloadRefused,

    /// <summary>A value is larger than the target accepts. Some servers report it, others only close the connection (Unknown).</summary>
    ValueTooLarge,

    /// <summary>Any other error.</summary>
    Failed,
}

/// <summary>The rules for sending MIGRATE and for reading its replies.</summary>
internal static class MigrateRules
{
    private static readonly TimeSpan Transit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// True if the target has to be asked for each key before it is sent. Garnet neither overwrites nor reports a key that exists on the
    /// target, and the source then deletes its own copy.
    /// </summary>
    public static bool MustAskTarget(ClusterNode target) => target.View?.Facts.Engine is ServerEngine.Garnet or ServerEngine.Unknown;

    /// <summary>
    /// How long to wait for the replies to a batch. The source's own timeout can pass twice: while it sends, and while it waits for the
    /// reply.
    /// </summary>
    public static TimeSpan ReplyTimeout(MoveOptions options) => options.Timeout + options.Timeout + Transit;

    /// <summary>The failure that an error reply means, and what to do next.</summary>
    public static (FailureCode Code, NextAction Next) FailureOf(MigrateReply reply, MoveKeys move) => reply switch
    {
        MigrateReply.Unreachable => (FailureCode.NodeUnreachable, new NextAction(NextActionCode.ShowNodes) { Node = move.Target.Name }),
        MigrateReply.OutOfMemory => (FailureCode.TargetOutOfMemory, new NextAction(NextActionCode.Advice)
        {
            Note = "CONFIG SET maxmemory <bytes> on " + move.Target.Name + ", then the same command again",
            Or = WayBack(move),
        }),
        MigrateReply.NotLoggedIn => (
            FailureCode.AuthenticationFailed,
            new NextAction(NextActionCode.Connect) { Node = move.Source.Name, Options = NextActionOptions.Credential }),
        MigrateReply.NotAllowed => (FailureCode.PermissionDenied, ServerErrors.NextOf(FailureCode.PermissionDenied)!),
        MigrateReply.TryLater => (FailureCode.ServerError, new NextAction(NextActionCode.CheckCluster)),
        _ => (
            FailureCode.ServerError,
            new NextAction(NextActionCode.ShowOpenSlots) { Slots = move.Slot.ToString(CultureInfo.InvariantCulture) }),
    };

    /// <summary>
    /// Brings the keys back that have moved. Every other operation moves all keys to the target first. Null if they are on the way back.
    /// </summary>
    public static NextAction? WayBack(MoveKeys move)
    {
        if (move.IsReverse)
            return null;
        // An undo names its ends, because the journal may know them in the other direction.
        var ends = move.Again.Code == NextActionCode.Undo ? (move.Source.Name, move.Target.Name) : ((string?)null, (string?)null);
        return new NextAction(NextActionCode.Undo)
        {
            Slots = move.Slot.ToString(CultureInfo.InvariantCulture),
            Source = ends.Item1,
            Target = ends.Item2,
            Options = NextActionOptions.PullBack,
        };
    }

    /// <summary>Reads a reply. The target's own error follows "Target instance replied with error:".</summary>
    public static MigrateReply Read(RespValue reply)
    {
        var text = reply.Text;
        if (!reply.IsError)
            return text == "NOKEY" ? MigrateReply.NothingThere : MigrateReply.Moved;
        if (ServerErrors.StartsWith(text, "IOERR"))
            return ServerErrors.Contains(text, "connecting") ? MigrateReply.Unreachable : MigrateReply.Unknown;
        if (ServerErrors.Contains(text, "BUSYKEY"))
            return MigrateReply.KeyExists;
        if (ServerErrors.Contains(text, "NOAUTH") || ServerErrors.Contains(text, "WRONGPASS")
            || ServerErrors.Contains(text, "AUTH <password>") || ServerErrors.Contains(text, "invalid password"))
            return MigrateReply.NotLoggedIn;
        if (ServerErrors.Contains(text, "NOPERM"))
            return MigrateReply.NotAllowed;
        if (ServerErrors.Contains(text, "OOM "))
            return MigrateReply.OutOfMemory;
        if (ServerErrors.Contains(text, "invalid bulk length"))
            return MigrateReply.ValueTooLarge;
        if (ServerErrors.Contains(text, "DUMP payload") || ServerErrors.Contains(text, "Bad data format"))
            return MigrateReply.PayloadRefused;
        if (ServerErrors.Contains(text, "TRYAGAIN") || ServerErrors.Contains(text, "LOADING") || ServerErrors.Contains(text, "CLUSTERDOWN"))
            return MigrateReply.TryLater;
        if (ServerErrors.Contains(text, "MOVED ") || ServerErrors.Contains(text, "ASK ") || ServerErrors.Contains(text, "READONLY"))
            return MigrateReply.SlotChanged;
        return MigrateReply.Failed;
    }
}
