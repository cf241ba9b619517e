/**
 * All the script of our pages: shows the copy buttons, which without it stay hidden. The hash lets in exactly this
 * by the content security policy: a test says the new one.
 */
export const COPY_SCRIPT =
  "if(navigator.clipboard)for(const b of document.querySelectorAll('[data-copy]')){b.hidden=false;b.onclick=async()=>{await navigator.clipboard.writeText(b.previousElementSibling.textContent);b.textContent='Copied';setTimeout(()=>b.textContent='Copy',2e3)}}";
export const COPY_SCRIPT_HASH = 'sha256-oxOL0LL8W/qg+IpxDi4lRLG1ze25lLZDhDeb+5hLsHM=';
