using System;
using System.IO;
using System.Runtime.InteropServices;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Where runs, locks and saved values live. Everything in it is its owner's alone.</summary>
internal sealed class JournalFolder
{
    /// <summary>Names the folder where no parameter does.</summary>
    public const string Variable = "REDISCLUSTEROPS_JOURNAL";

    private JournalFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>One file per run.</summary>
    public string Runs => System.IO.Path.Combine(Path, "runs");

    /// <summary>One lock per cluster, and beside it who holds it.</summary>
    public string Locks => System.IO.Path.Combine(Path, "locks");

    /// <summary>Values that lost a conflict.</summary>
    public string Conflicts => System.IO.Path.Combine(Path, "conflicts");

    /// <param name="path">Null: what the environment names, else the user's own folder for data of programs.</param>
    /// <exception cref="RedisOperationException">JournalUnavailable: the path is none.</exception>
    public static JournalFolder At(string? path = null)
    {
        var named = string.IsNullOrEmpty(path) ? Environment.GetEnvironmentVariable(Variable) : path;
        try
        {
            return new JournalFolder(System.IO.Path.GetFullPath(string.IsNullOrEmpty(named) ? Default() : named));
        }
        catch (Exception failure) when (IsOfFiles(failure))
        {
            throw Unavailable(named ?? string.Empty, failure);
        }
    }

    /// <summary>Where the locks are: wherever two runs write their journals, they are to meet at the lock. So in the user's own folder, if there is one.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable: neither that nor the named one can be used.</exception>
    public static JournalFolder ForLocks(JournalFolder named)
    {
        try
        {
            var own = At();
            own.Create(own.Locks);
            return own;
        }
        catch (RedisOperationException unavailable) when (unavailable.Code == FailureCode.JournalUnavailable)
        {
            return named;
        }
    }

    /// <summary>Makes one of the folders, if it is not there.</summary>
    /// <exception cref="RedisOperationException">JournalUnavailable.</exception>
    public void Create(string folder)
    {
        try
        {
            CreateOwnerOnly(Path);
            CreateOwnerOnly(folder);
        }
        catch (Exception failure) when (IsOfFiles(failure))
        {
            throw Unavailable(folder, failure);
        }
    }

    /// <summary>Takes a file away from everybody but its owner. Call it before there is anything in it: the folder may be open to others.</summary>
    public static void OwnerOnly(string file) => SetMode(file, "600");

    /// <summary>True of what a file system can have against us; the rest is a fault of this program.</summary>
    public static bool IsOfFiles(Exception failure) =>
        failure is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException or System.Security.SecurityException;

    public static RedisOperationException Unavailable(string path, Exception why) => Trouble(path, "kept", "written", why);

    /// <summary>What is there, if anything, is not shown to us.</summary>
    public static RedisOperationException Unreadable(string path, Exception why) => Trouble(path, "read", "read", why);

    private static RedisOperationException Trouble(string path, string what, string needed, Exception why) => new(
        FailureCode.JournalUnavailable,
        "The journal can't be " + what + " at '" + Printable.Clean(path) + "': " + Printable.Clean(why.Message).TrimEnd('.') + ".",
        path,
        new NextAction(NextActionCode.Repeat) { JournalPath = "<a folder that can be " + needed + ">" },
        why);

    private static string Default()
    {
        var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        // An account of a service may have no home.
        return data.Length == 0 ? throw new IOException("this user has no folder for data of programs") : System.IO.Path.Combine(data, "RedisClusterOps");
    }

    // A folder that was there keeps the rights that somebody gave it; the files in it are closed in any case.
    private static void CreateOwnerOnly(string folder)
    {
        var made = !Directory.Exists(folder);
        Directory.CreateDirectory(folder);
        if (made)
            SetMode(folder, "700");
    }

    // On Windows the user's own folder is private already.
    private static void SetMode(string path, string mode)
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Windows))
            _ = ChangeMode(path, Convert.ToInt32(mode, 8));
    }

    [DllImport("libc", EntryPoint = "chmod", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeMode(string path, int mode);
}
