// The floor's (see cgate.c), as it is. Minimal ISO 8583:1987 ASCII walker (hex bitmaps).
#ifndef ISO_H
#define ISO_H
#include <stdint.h>
#include <string.h>
// >0 fixed length, -2 LLVAR, -3 LLLVAR, 0 invalid
static const int8_t iso_len[129] = {0,
 16,-2,6,12,12,12,10,8,8,8, 6,6,4,4,4,4,4,4,3,3, 3,3,3,3,2,2,1,9,9,9, 9,-2,-2,-2,-2,-3,12,6,2,3,
 8,15,40,-2,-2,-3,-3,-3,3,3, 3,16,16,-3,-3,-3,-3,-3,-3,-3, -3,-3,-3,16,2,1,2,3,3,3, 4,4,6,10,10,10,10,10,10,10,
 10,12,12,12,12,16,16,16,16,42, 1,2,5,7,42,16,17,25,-2,-2, -2,-2,-2,-3,-3,-3,-3,-3,-3,-3, -3,-3,-3,-3,-3,-3,-3,-3,-3,-3,
 -3,-3,-3,-3,-3,-3,-3,16};
static const int8_t iso_hex[256] = { // value+1, 0 = invalid
 ['0']=1,['1']=2,['2']=3,['3']=4,['4']=5,['5']=6,['6']=7,['7']=8,['8']=9,['9']=10,
 ['A']=11,['B']=12,['C']=13,['D']=14,['E']=15,['F']=16,['a']=11,['b']=12,['c']=13,['d']=14,['e']=15,['f']=16};
static inline int iso_bitmap(const uint8_t *p, uint64_t *out){
  uint64_t v=0; for(int i=0;i<16;i++){ int h=iso_hex[p[i]]; if(!h) return -1; v=(v<<4)|(uint64_t)(h-1);} *out=v; return 0; }
typedef struct { uint16_t off, len, start; } iso_field; // off/len of the value, start includes the length prefix
static inline int iso_dig(const uint8_t *p,int n){ int v=0; for(int i=0;i<n;i++){ unsigned d=(unsigned)p[i]-'0'; if(d>9) return -1; v=v*10+(int)d;} return v; }
// Walk body b[0..n). Fills f[1..128] for fields present. bm[0], bm[1] bitmaps. stop: last DE wanted (128 = all). Returns end offset or -1.
static inline int iso_walk(const uint8_t *b,int n,iso_field *f,uint64_t bm[2],int stop){
  if(n<20) return -1;
  if(iso_bitmap(b+4,&bm[0])) return -1;
  bm[1]=0; int o=20;
  if(bm[0]>>63){ if(n<36||iso_bitmap(b+20,&bm[1])) return -1; o=36; }
  for(int half=0;half<2;half++){
    uint64_t m=bm[half]; if(!half) m&=~(1ULL<<63);
    while(m){
      int lead=__builtin_clzll(m); m&=~(1ULL<<(63-lead));
      int de=half*64+lead+1; if(de>stop) return o;
      int L=iso_len[de]; int s=o;
      if(L<0){ int k=-L; if(o+k>n) return -1; L=iso_dig(b+o,k); if(L<0) return -1; o+=k; }
      if(o+L>n) return -1;
      f[de].start=(uint16_t)s; f[de].off=(uint16_t)o; f[de].len=(uint16_t)L; o+=L;
    }
  }
  return o;
}
static inline void iso_put6(uint8_t *p, uint32_t v){ for(int i=5;i>=0;i--){ p[i]='0'+v%10; v/=10; } }
static inline int iso_has(const uint64_t bm[2],int de){ return de<=64? (int)((bm[0]>>(64-de))&1):(int)((bm[1]>>(128-de))&1); }
#endif
