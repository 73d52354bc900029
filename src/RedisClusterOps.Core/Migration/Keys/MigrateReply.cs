using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>What the answer to a MIGRATE means for the keys in it.</summary>
internal enum MigrateReply
{
    /// <summary>Every key that existed has moved.</summary>
    Moved,

    /// <summary>None of the keys existed any more.</summary>
    NothingThere,

    /// <summary>At least one key exists on the target; the others have moved.</summary>
    KeyExists,

    /// <summary>The transfer broke: any of the keys may or may not have arrived.</summary>
    Unknown,

    /// <summary>The source can't reach the target at all: nothing has moved.</summary>
    Unreachable,

    /// <summary>The target is busy with itself for a moment.</summary>
    TryLater,

    /// <summary>The slot is not open any more as it was, on either side.</summary>
    SlotChanged,

    /// <summary>The target has no memory left.</summary>
    OutOfMemory,

    /// <summary>The target refused the log-in. A target that needs none may have taken the keys all the same.</summary>
    NotLoggedIn,

    /// <summary>The user lacks a right on the target, or on the source.</summary>
    NotAllowed,

    /// <summary>The target does not understand the source's payload: it is an older version.</summary>
    PayloadRefused,

    /// <summary>Something else.</summary>
    Failed,
}

/// <summary>Reads the answers to MIGRATE. The inner error of the target follows "Target instance replied with error:".</summary>
internal static class MigrateReplies
{
    public static MigrateReply Read(RespValue reply)
    {
        var text = reply.Text;
        if (!reply.IsError)
            return text == "NOKEY" ? MigrateReply.NothingThere : MigrateReply.Moved;
        if (ServerErrors.StartsWith(text, "IOERR"))
            return ServerErrors.Contains(text, "connecting") ? MigrateReply.Unreachable : MigrateReply.Unknown;
        if (ServerErrors.Contains(text, "BUSYKEY"))
            return MigrateReply.KeyExists;
        if (ServerErrors.Contains(text, "NOAUTH") || ServerErrors.Contains(text, "WRONGPASS") || ServerErrors.Contains(text, "AUTH <password>")
            || ServerErrors.Contains(text, "invalid password"))
            return MigrateReply.NotLoggedIn;
        if (ServerErrors.Contains(text, "NOPERM"))
            return MigrateReply.NotAllowed;
        if (ServerErrors.Contains(text, "OOM "))
            return MigrateReply.OutOfMemory;
        if (ServerErrors.Contains(text, "DUMP payload"))
            return MigrateReply.PayloadRefused;
        if (ServerErrors.Contains(text, "TRYAGAIN") || ServerErrors.Contains(text, "LOADING") || ServerErrors.Contains(text, "CLUSTERDOWN"))
            return MigrateReply.TryLater;
        if (ServerErrors.Contains(text, "MOVED ") || ServerErrors.Contains(text, "ASK ") || ServerErrors.Contains(text, "READONLY"))
            return MigrateReply.SlotChanged;
        return MigrateReply.Failed;
    }
}
